import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { findServer } from '../../src/db/embedded/find-server.ts';
import { openInChild } from './open-in-child.ts';

/** A PostgreSQL that only one test uses, so that it may be taken away. */
export interface OwnServer {
  /** Of an empty database, as a user who is no superuser. */
  readonly url: string;
  /** The same as the superuser, who comes in when all other connections are taken. */
  readonly adminUrl: string;
  /** Ends it as an operator does. */
  stop(): Promise<void>;
  /** Starts it again, at the same address. */
  start(): Promise<void>;
  /** Ends it as a crash does; it comes up again by itself and recovers. */
  crash(): Promise<void>;
  end(): Promise<void>;
}

const USER = 'service';

/** Starts one. `settings` are PostgreSQL's. */
export async function startOwnServer(settings: Record<string, string> = {}): Promise<OwnServer> {
  const folder = await mkdtemp(join(tmpdir(), 'cta-own-'));
  await chmod(folder, 0o755);
  // Commits have to survive a crash of the server, not one of the machine.
  const open = () => openInChild(folder, { settings: { fsync: 'off', ...settings } });
  let child = await open();
  const { server } = child;
  const client = new Client(server.url);
  await client.connect();
  await client.query(`create role ${USER} login password 'secret'`);
  await client.query(`create database service owner ${USER}`);
  await client.end();
  const url = new URL(server.url);
  url.username = USER;
  url.password = 'secret';
  url.pathname = '/service';
  return {
    url: url.href,
    adminUrl: server.url,
    stop: async () => void (await child.stop()),
    async start() {
      child = await open();
    },
    async crash() {
      const found = await findServer(server.dataDirectory);
      if (!found?.alive) throw new Error('there is no server');
      process.kill(found.pid, 'SIGQUIT');
    },
    async end() {
      await child.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
