import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { chmod, chown, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { findAccount } from '../../src/db/embedded/find-account.ts';
import { findPort } from '../../src/db/embedded/find-port.ts';
import type { Account } from '../../src/db/embedded/run-program.ts';
import { poll } from './poll.ts';

/** The PostgreSQL of the operating system, with its tools, in a temporary folder. */
export interface SystemServer {
  /** The address for the superuser, with a slash at its end and without the name of a database. */
  readonly url: string;
  end(): Promise<void>;
}

const NEEDED = ['initdb', 'postgres', 'pg_dump', 'pg_restore'];

/** Returns the folder of Debian's newest PostgreSQL with server and client, or undefined. */
export function findSystemPostgres(): string | undefined {
  const root = '/usr/lib/postgresql';
  const versions = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : [];
  return versions
    .map((version) => join(root, version, 'bin'))
    .find((bin) => NEEDED.every((name) => existsSync(join(bin, name))));
}

/**
 * Creates and starts a server. The shell around it stops it when stdin closes, so the server also
 * ends if this process is killed.
 */
export async function startSystemServer(bin: string): Promise<SystemServer> {
  const folder = await mkdtemp(join(tmpdir(), 'cta-system-'));
  const data = join(folder, 'data');
  const account: Partial<Account> = process.getuid?.() === 0 ? await findAccount(data) : {};
  await chmod(folder, 0o755);
  if (account.uid !== undefined) await chown(folder, account.uid, account.gid ?? account.uid);
  execFileSync(join(bin, 'initdb'), ['-D', data, '-U', 'postgres', '-A', 'trust', '-N'], {
    ...account,
    cwd: '/',
  });
  const port = await findPort(data);
  const options = `-c listen_addresses=127.0.0.1 -c port=${port} -c fsync=off -c unix_socket_directories=`;
  const server = `"${join(bin, 'postgres')}" -D "${data}" ${options}`;
  const child: ChildProcess = spawn(
    '/bin/sh',
    ['-c', `${server} & pid=$!; read -r line; kill -INT $pid; wait $pid`],
    {
      ...account,
      cwd: '/',
      stdio: ['pipe', 'ignore', 'ignore'],
    },
  );
  const ended = once(child, 'exit');
  await poll(
    () => readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => ''),
    (lines) => lines.split('\n')[7]?.trim() === 'ready',
  );
  return {
    url: `postgres://postgres@127.0.0.1:${port}/`,
    async end() {
      child.stdin?.end();
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Creates an empty database. Returns its address. */
export async function addDatabase(server: SystemServer, name: string): Promise<string> {
  const client = new Client(`${server.url}postgres`);
  await client.connect();
  await client.query(`create database ${name}`);
  await client.end();
  return server.url + name;
}
