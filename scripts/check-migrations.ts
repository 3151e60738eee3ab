/*
 * Checks that the files in `migrations` are valid and contain the whole schema in `src/db/schema`.
 * drizzle-kit can only tell by writing the missing migration, so it works on a temporary copy. Must
 * run in the project's folder.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import config from '../drizzle.config.ts';

const folder = mkdtempSync(join(tmpdir(), 'cta-migrations-'));
const copy = join(folder, 'migrations');
const configFile = join(folder, 'drizzle.config.json');
try {
  cpSync('migrations', copy, { recursive: true });
  // drizzle-kit puts `./` before this path, so it must be relative.
  writeFileSync(configFile, JSON.stringify({ ...config, out: relative('', copy) }));
  const problem = findProblem();
  if (problem === undefined) process.stdout.write('The migrations are valid and contain the whole schema.\n');
  else {
    process.stderr.write(`${problem}\n`);
    process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true });
}

function findProblem(): string | undefined {
  const check = runDrizzleKit('check');
  if (!check.isGood) return `The migrations are not valid:\n${check.output}`;
  const before = new Set(readdirSync(copy));
  const { isGood, output } = runDrizzleKit('generate');
  // drizzle-kit exits with code 0 even if it fails.
  if (isGood && output.includes('No schema changes')) return undefined;
  const added = readdirSync(copy).filter((name) => !before.has(name));
  const missing = added.map((name) => readFileSync(join(copy, name), 'utf8')).join('\n');
  return `The schema in src/db/schema differs from the migrations.
Run \`npm run migrations:generate -- --name what-changes\` and commit the result. It is about:

${missing || output}`;
}

function runDrizzleKit(command: 'check' | 'generate'): { isGood: boolean; output: string } {
  const args = ['node_modules/drizzle-kit/bin.cjs', command, '--config', configFile];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    // Without a terminal, drizzle-kit fails instead of asking whether something was renamed.
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = (stdout + stderr).replace(/^(?:Reading config file|\s+at ).*\n?/gm, '');
  return { isGood: status === 0, output };
}
