import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findWorkspaceByToken } from '../../src/workspaces/find-workspace.ts';
import { type FakeShop, startFakeShop } from '../fakes/fake-shop.ts';
import { runProgram } from '../support/program.ts';
import { openTestDatabase, type TestDatabase } from '../support/test-database.ts';

let db: TestDatabase;
let shop: FakeShop;
let folder: string;
beforeAll(async () => {
  db = await openTestDatabase();
  shop = await startFakeShop();
  folder = await mkdtemp(join(tmpdir(), 'cta-cli-'));
  await chmod(folder, 0o755);
});
afterAll(async () => {
  await shop.close();
  await db.drop();
  await rm(folder, { recursive: true, force: true });
});

test.each([
  ['PORT', 'abc'],
  ['PREVIEW_RATE_LIMIT', '20'],
  ['AI_TIMEOUT', 'soon'],
  ['FETCH_ALLOW_HOSTS', 'shop.example'],
  ['IMAGE_RANKER', 'magic'],
  ['IMAGE_RANKER', 'clip'],
  ['DATABASE_URL', 'mysql://x'],
  ['MAX_SOURCES', '0'],
  ['TRUST_PROXY', 'nonsense'],
  ['CORS_ORIGINS', 'app.example'],
  ['EMBED_ANCESTORS', 'shop.example'],
  ['AI_API_KEY', 'two\nlines'],
  ['DATABASE_URL', 'postgres://u:secret@127.0.0.1:9/x'],
  ['HOST', '10.99.99.99'],
])('stops with a sentence that names an invalid %s', async (name, value) => {
  const { code, stderr, stdout } = await runProgram({
    args: ['start'],
    env: { DATABASE_URL: db.url, [name]: value },
    cwd: folder,
  });
  expect(code).toBe(1);
  expect(stderr).toMatch(new RegExp(`^${name} .+\\.\\n$`));
  expect(stdout).toBe('');
});

test('extract prints the product data of an address and of a file', async () => {
  const env = { FETCH_ALLOW_HOSTS: shop.host };
  const fetched = await runProgram({ args: ['extract', shop.productUrl('red-shoe')], env, cwd: folder });
  expect(fetched.code).toBe(0);
  const product = JSON.parse(fetched.stdout);
  expect(product).toMatchObject({ address: shop.productUrl('red-shoe'), provenance: { title: 'json-ld' } });
  const file = join(folder, 'page.html');
  await writeFile(file, await (await fetch(shop.productUrl('red-shoe'))).text());
  const args = ['extract', file, '--url', shop.productUrl('red-shoe')];
  expect(JSON.parse((await runProgram({ args, cwd: folder })).stdout)).toEqual(product);
});

test('extract explains why a page cannot be read', async () => {
  const { code, stderr } = await runProgram({ args: ['extract', `${shop.origin}/gone`], cwd: folder });
  expect(code).toBe(1);
  expect(stderr).toContain('address_refused');
});

test('migrate is idempotent, and reports a missing database without a stack trace', async () => {
  const env = { DATABASE_URL: db.url };
  expect((await runProgram({ args: ['migrate'], env, cwd: folder })).code).toBe(0);
  const away = await runProgram({
    args: ['migrate'],
    env: { DATABASE_URL: 'postgres://u:secret@127.0.0.1:9/x' },
    cwd: folder,
  });
  expect(away.code).toBe(1);
  expect(away.stderr).not.toMatch(/secret|\n\s+at /);
});

test('token create requires a workspace, and tokens expire on time', async () => {
  const env = { DATABASE_URL: db.url };
  expect((await runProgram({ args: ['token', 'create'], env, cwd: folder })).code).toBe(1);
  const wrong = await runProgram({
    args: ['token', 'create', '--workspace', 'x', '--expires', 'soon'],
    env,
    cwd: folder,
  });
  expect(wrong.stderr).toContain('--expires');
  const right = await runProgram({
    args: ['token', 'create', '--workspace', 'x', '--expires', '30d'],
    env,
    cwd: folder,
  });
  expect(right.stdout).toMatch(/^cta_[\w-]{32}\n$/);
});

test('lists tokens without their secrets and revokes them, for their own workspace only', async () => {
  const cli = (...args: string[]) =>
    runProgram({ args: ['token', ...args], env: { DATABASE_URL: db.url }, cwd: folder });
  for (const workspace of ['mine', 'mine', 'theirs']) await cli('create', '--workspace', workspace);
  const token = (await cli('create', '--workspace', 'mine', '--expires', '12h')).stdout.trim();
  const { stdout } = await cli('list', '--workspace', 'mine');
  expect(stdout.match(/never/g)).toHaveLength(2);
  expect(stdout).not.toContain(token);
  const [last = ''] = [...stdout.matchAll(/[\da-f-]{36}/g)].map(([id]) => id).slice(-1);
  const notFound = { code: 1, stdout: '', stderr: 'The workspace has no token with this id. (not_found)\n' };
  for (const id of [last, 'no-id'])
    expect(await cli('revoke', id, '--workspace', 'theirs')).toMatchObject(notFound);
  expect((await findWorkspaceByToken(db, token))?.tokenId).toBe(last);
  expect(await cli('revoke', last, '--workspace', 'mine')).toMatchObject({
    code: 0,
    stdout: 'The token is revoked.\n',
  });
  expect(await findWorkspaceByToken(db, token)).toBeUndefined();
  expect(await cli('revoke', last, '--workspace', 'mine')).toMatchObject(notFound);
  expect((await cli('list', '--workspace', 'mine')).stdout).not.toContain(last);
  expect((await cli('list', '--workspace', 'nobody')).stderr).toContain('There is no workspace nobody.');
});

test('generate rejects an invalid address before it starts anything', async () => {
  const { code, stderr } = await runProgram({ args: ['generate', 'shop.example'], cwd: folder });
  expect(code).toBe(1);
  expect(stderr).toContain('sources.0.url');
});
