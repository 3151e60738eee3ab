import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { matchesGlob } from 'node:path';

/*
 * The tests in `test/builds` build the executable, the tree of the container image and the
 * packages, which takes minutes. They are run when one of their inputs has changed since they
 * passed last, and for every release.
 */

/** The hash of the inputs with which they passed last, written by `npm run check:builds`. */
export const VERIFIED = 'test/builds/verified.sha256';

const INPUTS = [
  'src/**',
  'migrations/**',
  'packages/**',
  'scripts/**',
  'deploy/**',
  'test/builds/**',
  'test/fixtures/consumer/**',
  'test/{support,fakes}/**',
  'docs/operations/deploy.md',
  'vitest.config.ts',
  'package.json',
  'package-lock.json',
  '.npmrc',
  'LICENSE',
  'tsconfig*.json',
  'Dockerfile',
  '.dockerignore',
  'compose.yaml',
];
const OUTPUTS = ['src/**/*.test.ts', '**/node_modules/**', '**/dist/**', VERIFIED];

/** Returns the hash of all inputs, by name and content. Must run in the project's folder. */
export function hashInputs(): string {
  const hash = createHash('sha256');
  const files = globSync(INPUTS, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`.replace(`${process.cwd()}/`, ''))
    .filter((file) => !OUTPUTS.some((pattern) => matchesGlob(file, pattern)));
  for (const file of files.toSorted()) hash.update(`${file}\0`).update(readFileSync(file)).update('\0');
  return hash.digest('hex');
}

/** Returns whether the tests must run: BUILDS is set, or an input has changed. */
export function mustTestBuilds(): boolean {
  return process.env.BUILDS !== undefined || readFileSync(VERIFIED, 'utf8').trim() !== hashInputs();
}
