/**
 * Runs all measurements or the named ones, each against its baseline.
 *
 *   npm run bench -- [reads writes pipeline idle-preview kill start memory growth] [--json FILE]
 *     [--rounds 4] [--seconds 0.5] [--previews 1000000] [--profiles FOLDER]
 *
 * Starts everything itself: an embedded PostgreSQL in a temporary folder, a fake shop, fake AI
 * services. `growth` fills a database with `--previews` previews, which takes minutes, and runs
 * only if it is named. With `--profiles`, each measured program writes a CPU profile when it ends,
 * for a browser's developer tools; the figures are then worse.
 */
import { writeFile } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { measureGrowth } from './measure-growth.ts';
import { measureIdlePreview } from './measure-idle-preview.ts';
import { measureKill } from './measure-kill.ts';
import { measureMemory } from './measure-memory.ts';
import { measurePipeline } from './measure-pipeline.ts';
import { measureReads } from './measure-reads.ts';
import { measureStart } from './measure-start.ts';
import { measureWrites } from './measure-writes.ts';
import type { Report } from './support/figure.ts';
import type { BenchOptions } from './support/options.ts';
import { printReports } from './support/print-reports.ts';
import { say } from './support/say.ts';
import { openStage, type Stage } from './support/stage.ts';
import { stopOwned } from './support/start-owned.ts';

type Measure = (stage: Stage, options: BenchOptions) => Promise<Report>;

const MEASUREMENTS: Readonly<Record<string, Measure>> = {
  reads: measureReads,
  writes: measureWrites,
  pipeline: measurePipeline,
  'idle-preview': measureIdlePreview,
  kill: measureKill,
  start: measureStart,
  memory: measureMemory,
  growth: measureGrowth,
};
const ONLY_WHEN_NAMED = ['growth'];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'string' },
    rounds: { type: 'string', default: '4' },
    seconds: { type: 'string', default: '0.5' },
    previews: { type: 'string', default: '1000000' },
    profiles: { type: 'string' },
  },
});
const options: BenchOptions = {
  rounds: Number(values.rounds),
  seconds: Number(values.seconds),
  previews: Number(values.previews),
};
const all = Object.keys(MEASUREMENTS).filter((name) => !ONLY_WHEN_NAMED.includes(name));
const names = positionals.length > 0 ? positionals : all;
const unknown = names.filter((name) => !(name in MEASUREMENTS));
if (unknown.length > 0) throw new Error(`there is no ${unknown}; there are ${Object.keys(MEASUREMENTS)}`);

say('starting PostgreSQL');
const reports: Record<string, Report> = {};
{
  const stopSignal = Promise.withResolvers<never>();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => stopSignal.reject(new Error(`stopped by ${signal}`)));
  }
  stopSignal.promise.catch(() => {});
  await using stage = await openStage({ profiles: values.profiles });
  for (const name of names) {
    say(name);
    const measure = MEASUREMENTS[name];
    if (!measure) continue;
    try {
      reports[name] = await Promise.race([measure(stage, options), stopSignal.promise]);
    } catch (error) {
      await stopOwned();
      throw error;
    }
  }
}
printReports(Object.values(reports));
if (values.json !== undefined) {
  const machine = { node: process.version, cores: cpus().length, load: loadavg() };
  await writeFile(
    values.json,
    `${JSON.stringify({ at: new Date(), machine, options, reports }, undefined, 2)}\n`,
  );
}
say('done');
