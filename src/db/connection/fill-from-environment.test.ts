import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { fillFromEnvironment } from './fill-from-environment.ts';
import { readDatabaseUrl } from './read-database-url.ts';

const fill = (url: string, environment: Record<string, string>) =>
  readDatabaseUrl(fillFromEnvironment(url, environment));

test('fills missing parts of an address from the variables of libpq', () => {
  const environment = {
    PGHOST: 'db.example',
    PGPORT: '6432',
    PGUSER: 'someone',
    PGPASSWORD: 'p&=/#',
    PGDATABASE: 'other',
    PGSSLMODE: 'require',
  };
  expect(fill('postgres://', environment)).toMatchObject({
    host: 'db.example',
    port: 6432,
    user: 'someone',
    password: 'p&=/#',
    database: 'other',
    tls: { mode: 'require' },
  });
});

test('does not override parts of the address', () => {
  const url = 'postgres://u:p@host:5433/db?sslmode=disable&options=-c%20jit%3Doff';
  const environment = {
    PGHOST: 'x',
    PGHOSTADDR: '10.0.0.1',
    PGPORT: '1',
    PGUSER: 'x',
    PGPASSWORD: 'x',
    PGDATABASE: 'x',
  };
  expect(fillFromEnvironment(url, { ...environment, PGSSLMODE: 'require', PGOPTIONS: 'x' })).toBe(url);
  expect(fill('postgres://u@host/db?ssl=false', { PGSSLMODE: 'require' }).tls.attempts).toEqual(['plain']);
});

test('names an unusable variable', () => {
  expect(() => fill('postgres://u@host/db', { PGSSLMODE: 'sometimes' })).toThrow(
    /^cannot be used together with PGSSLMODE of the environment.+sslmode=sometimes; it must be one of/,
  );
  expect(() => fill('postgres://host/db', {})).toThrow('has no user');
  expect(fill('postgres://host/db', { USER: 'me' }).user).toBe('me');
});

test('reads a password file, unless other users may read it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'cta-pass-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'pass');
  const lines = ['# a comment', 'other:*:*:*:no', 'host:5432:*:u:a\\:b\\\\c', '*:*:*:*:last', ''];
  await writeFile(path, lines.join('\n'), { mode: 0o600 });
  expect(fill('postgres://u@host/db', { PGPASSFILE: path }).password).toBe('a:b\\c');
  expect(fill('postgres://v@host/db', { PGPASSFILE: path }).password).toBe('last');
  expect(fill('postgres://u:own@host/db', { PGPASSFILE: path }).password).toBe('own');
  await writeFile(join(folder, '.pgpass'), 'host:*:*:*:home\n', { mode: 0o600 });
  expect(fill('postgres://u@host/db', { HOME: folder }).password).toBe('home');
  await writeFile(join(folder, 'open'), '*:*:*:*:no\n', { mode: 0o644 });
  expect(fill('postgres://u@host/db', { PGPASSFILE: join(folder, 'open') }).password).toBeUndefined();
});

test('reads no password file without HOME', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'cta-pass-'));
  const before = process.cwd();
  onTestFinished(async () => {
    process.chdir(before);
    await rm(folder, { recursive: true });
  });
  process.chdir(folder);
  await mkdir('undefined');
  await writeFile('undefined/.pgpass', '*:*:*:*:no\n', { mode: 0o600 });
  expect(fill('postgres://u@host/db', {}).password).toBeUndefined();
});
