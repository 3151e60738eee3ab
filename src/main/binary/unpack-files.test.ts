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

test('unpacks all files once, for this user only', async () => {
  const target = unpack();
  expect(target).toBe(join(cache, 'abc'));
  for (const [path, content] of Object.entries(CONTENTS))
    expect(await readFile(join(target, path), 'utf8')).toBe(content);
  for (const each of [cache, target, join(target, 'lib')])
    expect((await stat(each)).mode & 0o777).toBe(0o700);
  expect(await readdir(cache)).toEqual(['abc']);
  expect(unpack(nothing)).toBe(target);
});

test('replaces needed files that are damaged, missing or not files', async () => {
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

test('removes the remains of a killed process, but not the files of a running one', async () => {
  await mkdir(join(cache, '.unpacking-old'), { recursive: true, mode: 0o700 });
  await mkdir(join(cache, '.unpacking-new'));
  await chmod(cache, 0o700);
  await utimes(join(cache, '.unpacking-old'), 1, 1);
  unpack();
  expect((await readdir(cache)).sort()).toEqual(['.unpacking-new', 'abc']);
});

test('rejects a folder that is accessible to others, and a link', async () => {
  const target = unpack();
  await chmod(target, 0o750);
  expect(() => unpack()).toThrow(
    `The folder ${target} is accessible to other users: its mode must be 0700. Set CTA_BATCH_CACHE`,
  );
  await chmod(target, 0o700);
  await chmod(cache, 0o777);
  expect(() => unpack()).toThrow(`The folder ${cache} is accessible`);
  await chmod(cache, 0o700);
  await symlink(cache, join(folder, 'link'));
  expect(() => unpack({ folders: [join(folder, 'link')] })).toThrow('link is not a folder.');
});

test('rejects the folder of another user', async ({ skip }) => {
  if (userId !== 0) skip('only root can give a folder away');
  await chown(unpack(), 65_534, 65_534);
  expect(() => unpack()).toThrow(/belongs to another user\. Set CTA_BATCH_CACHE/);
});

test('tries the next folder if one cannot be created, and names all of them at the end', async () => {
  await writeFile(join(folder, 'file'), '');
  const bad = join(folder, 'file/cache');
  expect(unpack({ folders: [bad, cache] })).toBe(join(cache, 'abc'));
  expect(() => unpack({ folders: [bad, '/proc/cta-batch'] })).toThrow(
    `The native libraries cannot be unpacked to ${bad} (ENOTDIR), or to /proc/cta-batch (ENOENT). Set CTA_BATCH_CACHE`,
  );
});

test('uses only the configured folder, or else the cache of the user, or else the temporary folder', () => {
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
