import { createHash } from 'node:crypto';
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { listCacheFolders } from './list-cache-folders.ts';
import { type UnpackOptions, unpackFiles } from './unpack-files.ts';

const CONTENTS: Record<string, string> = { 'lib/one.so': 'one', 'lib/two.node': 'two', 'package.json': '{}' };
const userId = process.getuid?.() ?? 0;

let folder: string;
let cache: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cta-unpack-'));
  cache = join(folder, 'home/cache');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function unpack(more: Partial<UnpackOptions> = {}): string {
  return unpackFiles({
    folders: [cache],
    name: 'abc',
    files: Object.entries(CONTENTS).map(([path, content]) => ({
      path,
      sha256: createHash('sha256').update(content).digest('hex'),
    })),
    isNeeded: () => true,
    userId,
    read: ({ path }) => Buffer.from(CONTENTS[path] ?? ''),
    ...more,
  });
}

/** Fails if a file is read, that is, unpacked again. */
const nothing = { read: () => expect.unreachable('nothing is unpacked') };

test('all files are there, for this user only, and are not unpacked again', async () => {
  const target = unpack();
  expect(target).toBe(join(cache, 'abc'));
  for (const [path, content] of Object.entries(CONTENTS))
    expect(await readFile(join(target, path), 'utf8')).toBe(content);
  for (const each of [cache, target, join(target, 'lib')])
    expect((await stat(each)).mode & 0o777).toBe(0o700);
  expect(await readdir(cache)).toEqual(['abc']);
  expect(unpack(nothing)).toBe(target);
});

test('what is damaged, missing or no file is replaced, if it is needed', async () => {
  const target = unpack();
  await writeFile(join(target, 'lib/one.so'), 'evil');
  expect(unpack({ ...nothing, isNeeded: ({ path }) => path === 'package.json' })).toBe(target);
  await rm(join(target, 'package.json'));
  await rm(join(target, 'lib/two.node'));
  await symlink('/dev/null', join(target, 'lib/two.node'));
  unpack();
  unpack(nothing);
  expect(await readFile(join(target, 'lib/two.node'), 'utf8')).toBe('two');
  expect((await readdir(join(target, 'lib'))).sort()).toEqual(['one.so', 'two.node']);
});

test('what a killed process left is cleared away, but not what another is at', async () => {
  await mkdir(join(cache, '.unpacking-old'), { recursive: true, mode: 0o700 });
  await mkdir(join(cache, '.unpacking-new'));
  await chmod(cache, 0o700);
  await utimes(join(cache, '.unpacking-old'), 1, 1);
  unpack();
  expect((await readdir(cache)).sort()).toEqual(['.unpacking-new', 'abc']);
});

test('a folder that is open to others is refused, and so is a link', async () => {
  const target = unpack();
  await chmod(target, 0o750);
  expect(() => unpack()).toThrow(
    `The folder ${target} is open to other users: its mode must be 0700. Set CTA_BATCH_CACHE`,
  );
  await chmod(target, 0o700);
  await chmod(cache, 0o777);
  expect(() => unpack()).toThrow(`The folder ${cache} is open`);
  await chmod(cache, 0o700);
  await symlink(cache, join(folder, 'link'));
  expect(() => unpack({ folders: [join(folder, 'link')] })).toThrow('link is not a folder.');
});

test("another user's folder is refused", async ({ skip }) => {
  if (userId !== 0) skip('only root can give a folder away');
  await chown(unpack(), 65_534, 65_534);
  expect(() => unpack()).toThrow(/belongs to another user\. Set CTA_BATCH_CACHE/);
});

test('where a folder cannot be made the next one is taken, and at the end a sentence names them all', async () => {
  await writeFile(join(folder, 'file'), '');
  const bad = join(folder, 'file/cache');
  expect(unpack({ folders: [bad, cache] })).toBe(join(cache, 'abc'));
  expect(() => unpack({ folders: [bad, '/proc/cta-batch'] })).toThrow(
    `The native libraries cannot be unpacked to ${bad} (ENOTDIR), nor to /proc/cta-batch (ENOENT). Set CTA_BATCH_CACHE`,
  );
});

test('where to: the folder that is set and no other; else the cache of the user, else the temporary folder', () => {
  const list = (env: Record<string, string>) => listCacheFolders({ env, temporaryFolder: '/tmp', userId: 7 });
  expect(list({ CTA_BATCH_CACHE: '/own', HOME: '/home/me' })).toEqual(['/own']);
  expect(list({ XDG_CACHE_HOME: '/cache', HOME: '/home/me' })).toEqual([
    '/cache/cta-batch',
    '/tmp/cta-batch-7',
  ]);
  expect(list({ XDG_CACHE_HOME: 'relative', HOME: '/home/me' })).toEqual([
    '/home/me/.cache/cta-batch',
    '/tmp/cta-batch-7',
  ]);
  expect(list({})).toEqual(['/tmp/cta-batch-7']);
});
