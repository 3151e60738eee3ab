import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Figure, Report } from './support/figure.ts';
import type { BenchOptions } from './support/options.ts';
import { say } from './support/say.ts';
import { type Stage, startRole } from './support/stage.ts';
import { compareRounds } from './support/statistics.ts';

const ROLES = ['api', 'worker', 'all'] as const;
const ROUNDS = 5;

/**
 * Measures the time from the start command to the message that the program is ready, on a migrated
 * database, against Node.js doing nothing.
 */
export async function measureStart(stage: Stage, _options: BenchOptions): Promise<Report> {
  const database = await stage.addDatabase();
  const rounds: Record<(typeof ROLES)[number], { value: number; yardstick: number }[]> = {
    api: [],
    worker: [],
    all: [],
  };
  for (let round = 1; round <= ROUNDS; round += 1) {
    say(`start: round ${round}`);
    const yardstick = await timeNode();
    for (const role of ROLES) {
      const began = performance.now();
      await using _program = await startRole(stage, database, role);
      rounds[role].push({ value: performance.now() - began, yardstick });
    }
  }
  const figures = ROLES.map(
    (role): Figure => ({ what: `start --role ${role}`, unit: 'ms', ...compareRounds(rounds[role]) }),
  );
  return { title: 'From the start command to ready, on a migrated database, beside `node -e 0`', figures };
}

async function timeNode(): Promise<number> {
  const began = performance.now();
  await once(spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' }), 'close');
  return performance.now() - began;
}
