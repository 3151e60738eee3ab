import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { findServer } from '../../src/db/embedded/find-server.ts';
import { openInChild } from './open-in-child.ts';

/** A PostgreSQL that only one test uses, so the test may stop it. */
export interface OwnServer {
  /** The URL of an empty database for a user that is not a superuser. */
  readonly url: string;
  /** The same for the superuser, which can connect even when all other connections are taken. */
  readonly adminUrl: string;
  /** Stops the server as an operator does. */
  stop(): Promise<void>;
  /** Starts the server again at the same address. */
  start(): Promise<void>;
  /** Kills the server as a crash does. It restarts and recovers by itself. */
  crash(): Promise<void>;
  end(): Promise<void>;
}

const USER = 'service';

/** Starts a server. `settings` are PostgreSQL's. */
export async function startOwnServer(settings: Record<string, string> = {}): Promise<OwnServer> {
  const folder = await mkdtemp(join(tmpdir(), 'cta-own-'));
  await chmod(folder, 0o755);
  // Commits must survive a crash of the server, but not of the machine.
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
