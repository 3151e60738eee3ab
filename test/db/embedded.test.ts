import { type ChildProcess, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type EmbeddedServer, openEmbeddedServer } from '../../src/db/embedded/embedded-server.ts';
import { EMBEDDED_CHILD, type EmbeddedChild, openInChild } from '../support/open-in-child.ts';

const IS_ROOT = process.getuid?.() === 0;
const NOBODY = { uid: 65534, gid: 65534 };
const NOBODY_CAN_RUN_CHILD =
  IS_ROOT && spawnSync(process.execPath, ['--check', EMBEDDED_CHILD], { ...NOBODY, cwd: '/' }).status === 0;
const WAIT = { timeout: 60_000, interval: 20 };

let folder: string;
let messages: string[];
let servers: EmbeddedServer[];
let children: ChildProcess[];

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'cta-embedded-')));
  await chmod(folder, 0o755);
  messages = [];
  servers = [];
  children = [];
});

afterEach(async () => {
  for (const child of children.filter(isRunning)) {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  for (const server of servers) await server.stop();
  const id = createHash('sha256').update(folder).digest('hex').slice(0, 16);
  const places = [folder, `/var/lib/cta-batch/${id}`, `/var/tmp/cta-batch/${id}`];
  const left = processesOf(places);
  for (const pid of left) process.kill(pid, 'SIGQUIT');
  await expect.poll(() => processesOf(places), WAIT).toEqual([]);
  for (const place of places) await rm(place, { recursive: true, force: true });
  expect(left, 'processes left behind').toEqual([]);
}, 180_000);

describe('embedded PostgreSQL', { timeout: 180_000 }, () => {
  test('starts in an empty folder, with UTF-8 and UTC', async () => {
    const path = join(folder, 'made', 'here');
    const server = await open(path);

    expect(server.owned).toBe(true);
    expect(server.url).toMatch(/^postgres:\/\/postgres:[0-9a-f]{48}@127\.0\.0\.1:\d+\/cta$/);
    const answer = await ask(
      server.url,
      `select current_database() as database, current_setting('server_encoding') as encoding,
         current_setting('timezone') as timezone, current_setting('listen_addresses') as address,
         current_setting('unix_socket_directories') as sockets, current_setting('max_connections') as connections,
         lower('Ä') as lower`,
    );
    expect(answer).toEqual([
      {
        database: 'cta',
        encoding: 'UTF8',
        timezone: 'UTC',
        address: '127.0.0.1',
        sockets: '',
        connections: '200',
        lower: 'ä',
      },
    ]);
    expect((await stat(join(path, 'postgres-password'))).mode & 0o777).toBe(0o600);
    expect(readdirSync(path).sort()).toEqual(['postgres', 'postgres-password']);

    const wrong = new URL(server.url);
    wrong.password = 'wrong';
    await expect(ask(wrong.href, 'select 1')).rejects.toMatchObject({ code: '28P01' });
  });

  test('keeps its data and port over a restart', async () => {
    const first = await open();
    await ask(first.url, 'create table kept as select 42 as answer');
    const pid = await serverPid(first);
    await Promise.all([first.stop(), first.stop()]);
    await expect.poll(() => isAlive(pid), WAIT).toBe(false);

    const second = await open();
    expect(second.url).toBe(first.url);
    expect(await ask(second.url, 'select answer from kept')).toEqual([{ answer: 42 }]);
  });

  test('can be joined by a second program, and keeps running when that one stops', async () => {
    const server = await open();
    const pid = await serverPid(server);
    const child = await openChild();

    expect(child.server).toMatchObject({ url: server.url, owned: false });
    expect(await child.stop()).toBe(0);
    expect(await ask(server.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    expect(await serverPid(server)).toBe(pid);
  });

  test('survives a killed owner, and is taken over by the next program', async () => {
    const child = await openChild();
    expect(child.server.owned).toBe(true);
    await ask(child.server.url, 'create table kept as select 42 as answer');
    const pid = await serverPid(child.server);
    await child.kill();
    await lockIsFree(child.server.url);

    const server = await open();
    expect(server).toMatchObject({ owned: true, url: child.server.url });
    expect(await serverPid(server)).toBe(pid);
    expect(await ask(server.url, 'select answer from kept')).toEqual([{ answer: 42 }]);
    expect(messages).toContainEqual(expect.stringContaining('Took over'));

    await server.stop();
    await expect.poll(() => isAlive(pid), WAIT).toBe(false);
  });

  test('starts once for programs that start at the same time', async () => {
    const programs = await Promise.all([openChild(), openChild(), openChild()]);

    expect(new Set(programs.map(({ server }) => server.url)).size).toBe(1);
    expect(programs.filter(({ server }) => server.owned)).toHaveLength(1);
    for (const { server } of programs) expect(await ask(server.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    expect(readdirSync(folder).sort()).toEqual(['postgres', 'postgres-password']);

    programs.sort((a, b) => Number(a.server.owned) - Number(b.server.owned));
    for (const program of programs) expect(await program.stop()).toBe(0);
  });

  test('is restarted by a program that starts while the owner stops it', async () => {
    const first = await open();
    const pid = await serverPid(first);
    // An open session that the fast shutdown must terminate.
    const client = await connect(first.url);
    await client.query('select 1');
    const stopped = first.stop();
    await expect
      .poll(() => readFileSync(join(first.dataDirectory, 'server.log'), 'utf8'), WAIT)
      .toContain('fast');
    const second = await open();
    await stopped;

    expect(second.owned).toBe(true);
    expect(await serverPid(second)).not.toBe(pid);
    await client.end();
  });

  test('keeps its owner after a crash of the server', async () => {
    const server = await open();
    const client = await connect(server.url);
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
    process.kill(rows[0]?.pid ?? 0, 'SIGKILL');
    await client.end();

    await expect
      .poll(() => ask(server.url, "select 1 from pg_locks where locktype = 'advisory'").catch(() => []), WAIT)
      .toHaveLength(1);
    expect(await open()).toMatchObject({ owned: false, url: server.url });
    expect(server.owned).toBe(true);
  });

  test('starts after the server process was killed', async () => {
    const first = await open();
    await ask(first.url, 'create table kept as select 42 as answer');
    process.kill(await serverPid(first), 'SIGKILL');

    const second = await open();
    // The first program that reaches the new server owns it.
    await expect.poll(() => [first.owned, second.owned].filter(Boolean), WAIT).toHaveLength(1);
    expect(await ask(second.url, 'select answer from kept')).toEqual([{ answer: 42 }]);
    expect(existsSync(join(second.dataDirectory, 'postmaster.pid'))).toBe(true);
  });

  test('is restarted by its owner when it is killed', async () => {
    const server = await open();
    await ask(server.url, 'create table kept as select 42 as answer');
    process.kill(await serverPid(server), 'SIGKILL');
    await expect
      .poll(() => ask(server.url, 'select answer from kept').catch(() => []), WAIT)
      .toEqual([{ answer: 42 }]);
    const pid = await serverPid(server);
    await server.stop();
    // The server is a child of this process, so its process id stays in use until it is reaped.
    await expect.poll(() => isAlive(pid), WAIT).toBe(false);
  });

  test.runIf(process.platform === 'linux')('detects that its pid is reused by another process', async () => {
    const first = await open();
    const pidFile = join(first.dataDirectory, 'postmaster.pid');
    const lines = (await readFile(pidFile, 'utf8')).split('\n');
    await first.stop();
    await writeFile(pidFile, [process.pid, ...lines.slice(1)].join('\n'));

    expect(await open()).toMatchObject({ owned: true });
  });

  test('refuses the data of another major version', async () => {
    await mkdir(join(folder, 'postgres'));
    await writeFile(join(folder, 'postgres/PG_VERSION'), '15\n');

    await expect(open()).rejects.toThrow(
      /is from PostgreSQL 15, but the embedded server is version \d+\. Migrate/,
    );
  });

  test('refuses a password that does not match the data', async () => {
    await (await open()).stop();
    await writeFile(join(folder, 'postgres-password'), 'another\n');

    await expect(open()).rejects.toThrow(/postgres-password does not match the data in/);
  });
});

describe.runIf(IS_ROOT)('embedded PostgreSQL as root', { timeout: 180_000 }, () => {
  test('works in a folder that its user cannot enter', async () => {
    await chmod(folder, 0o700);
    const [server, other] = await Promise.all([open(), open()]);

    expect([server.owned, other.owned].sort()).toEqual([false, true]);
    expect(server.dataDirectory).not.toContain(folder);
    expect(messages).toContainEqual(expect.stringContaining(server.dataDirectory));
    expect(server.dataDirectory).toContain(
      (await readFile(join(folder, 'postgres-location'), 'utf8')).trim(),
    );
    const child = await openChild();
    expect(child.server).toMatchObject({ url: server.url, owned: false });
    await child.stop();

    await ask(server.url, 'create table kept as select 42 as answer');
    await Promise.all([server.stop(), other.stop()]);
    expect(await ask((await open()).url, 'select answer from kept')).toEqual([{ answer: 42 }]);
  });

  test('starts with new data after a folder that its user cannot enter was deleted', async () => {
    await chmod(folder, 0o700);
    await (await open()).stop();
    await rm(folder, { recursive: true });
    await mkdir(folder, { mode: 0o700 });

    expect(await open()).toMatchObject({ owned: true });
  });

  test.runIf(NOBODY_CAN_RUN_CHILD)(
    'keeps the data in the folder itself for a user who is not root',
    async () => {
      await chown(folder, NOBODY.uid, NOBODY.gid);
      const child = await openChild(NOBODY);

      expect(child.server).toMatchObject({ owned: true, dataDirectory: join(folder, 'postgres') });
      expect(await ask(child.server.url, 'select 1 as one')).toEqual([{ one: 1 }]);
      expect((await stat(child.server.dataDirectory)).uid).toBe(NOBODY.uid);
      const pid = await serverPid(child.server);
      expect(await child.stop()).toBe(0);
      await expect.poll(() => isAlive(pid), WAIT).toBe(false);
    },
  );
});

async function open(path = folder): Promise<EmbeddedServer> {
  const log = {
    info: (message: string) => messages.push(message),
    warn: (message: string) => messages.push(message),
  };
  const server = await openEmbeddedServer({ folder: path, log, settings: { fsync: 'off' } });
  servers.push(server);
  return server;
}

async function openChild(account?: typeof NOBODY): Promise<EmbeddedChild> {
  const child = await openInChild(folder, account && { account });
  children.push(child.process);
  return child;
}

async function ask(url: string, query: string): Promise<unknown[]> {
  const client = await connect(url);
  try {
    return (await client.query(query)).rows;
  } finally {
    await client.end();
  }
}

/** Waits until the server has noticed that the connection of the killed owner has ended. */
async function lockIsFree(url: string): Promise<void> {
  await expect.poll(() => ask(url, "select 1 from pg_locks where locktype = 'advisory'"), WAIT).toEqual([]);
}

async function serverPid({ dataDirectory }: { dataDirectory: string }): Promise<number> {
  return Number((await readFile(join(dataDirectory, 'postmaster.pid'), 'utf8')).split('\n')[0]);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

/**
 * Returns the ids of the processes with one of these folders in their command line: servers and
 * test children. Works only on Linux.
 */
function processesOf(places: string[]): number[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const commandLine = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
        return places.some((place) => commandLine.includes(place));
      } catch {
        return false; // It has ended.
      }
    })
    .map(Number);
}

/** Connects, and ignores the error when the connection is terminated. */
async function connect(url: string): Promise<Client> {
  const client = new Client(url);
  client.on('error', () => {});
  await client.connect();
  return client;
}
