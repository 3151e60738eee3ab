import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { inject } from 'vitest';
import { setLimit } from '../../src/ai-calls/set-limit.ts';
import { type Database, openDatabase } from '../../src/db/client.ts';
import { migrateDatabase } from '../../src/db/migrate.ts';
import { installQueue, openQueue, type Queue } from '../../src/queue/queue.ts';
import { createToken } from '../../src/workspaces/create-token.ts';
import { ensureWorkspace } from '../../src/workspaces/ensure-workspace.ts';
import { quietLog } from './quiet-log.ts';

/** The database of a test file, cloned from the migrated template. */
export interface TestDatabase extends Database {
  readonly url: string;
  readonly queue: Queue;
  /** The first argument of the feature functions. */
  readonly deps: Pick<Database, 'orm' | 'transact'> & {
    queue: Queue;
    limits: { maxSources: number; maxBatchSize: number };
  };
  addWorkspace(name: string): Promise<TestWorkspace>;
  /**
   * Closes everything and drops the database. Fails if any connection is still open, which fails
   * the test.
   */
  drop(): Promise<void>;
}

/** A workspace and a token for it. */
export interface TestWorkspace {
  readonly workspaceId: string;
  readonly token: string;
}

/** Clones the template. `rate` is the rate limit. */
export async function openTestDatabase({ rate = 'off' }: { rate?: string } = {}): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  await administer(`create database ${name} template cta_template`);
  const url = new URL(inject('serverUrl'));
  url.pathname = `/${name}`;
  return openAt(url.href, { rate, drop: () => administer(`drop database ${name}`) });
}

/** Creates a database without any tables. */
export async function openEmptyDatabase(): Promise<{ url: string; drop(): Promise<void> }> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  await administer(`create database ${name}`);
  const url = new URL(inject('serverUrl'));
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => administer(`drop database ${name}`) };
}

/** Migrates an empty database on a server of the test. `drop` closes it without dropping it. */
export async function adoptDatabase(url: string): Promise<TestDatabase> {
  await migrateDatabase(url, () => installQueue({ url, log: quietLog, supervise: false }));
  return openAt(url, { rate: 'off', drop: async () => {} });
}

async function openAt(
  url: string,
  { rate, drop }: { rate: string; drop: () => Promise<void> },
): Promise<TestDatabase> {
  const database = openDatabase({ url, poolSize: 10, applicationName: 'test' });
  const queue = await openQueue({ url, log: quietLog, supervise: false });
  await setLimit(database, rate);
  return {
    ...database,
    url,
    queue,
    deps: {
      orm: database.orm,
      transact: database.transact,
      queue,
      limits: { maxSources: 5, maxBatchSize: 10 },
    },
    async addWorkspace(workspace) {
      const workspaceId = await ensureWorkspace(database, workspace);
      return { workspaceId, token: await createToken(database, { workspaceId }) };
    },
    async drop() {
      await queue.stop();
      await database.close();
      await drop();
    },
  };
}

async function administer(statement: string): Promise<void> {
  const client = new Client(inject('serverUrl'));
  await client.connect();
  try {
    // A session that has just been closed may still exist for a moment.
    for (let tries = 1; ; tries += 1) {
      try {
        await client.query(statement);
        return;
      } catch (error) {
        const inUse = (error as { code?: string }).code === '55006';
        if (!inUse || tries >= 50) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  } finally {
    await client.end();
  }
}
