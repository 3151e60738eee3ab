import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import type { TestProject } from 'vitest/node';
import { migrateDatabase } from '../../src/db/migrate.ts';
import { installQueue } from '../../src/queue/queue.ts';
import { bundleProgram } from './bundle-program.ts';
import { openInChild } from './open-in-child.ts';
import { quietLog } from './quiet-log.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /**
     * The server's address. Its database `cta` is for administration; `cta_template` is cloned for
     * each test file.
     */
    serverUrl: string;
  }
}

/**
 * Starts one PostgreSQL for the whole run with a migrated template database, which test files
 * clone, and bundles the program, which they start.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await bundleProgram();
  const folder = await mkdtemp(join(tmpdir(), 'cta-test-'));
  // If this runs as root, the server runs as another user, which must be able to access the folder.
  await chmod(folder, 0o755);
  const { server, stop } = await openInChild(folder, {
    // The data need not survive a power failure.
    settings: { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' },
  });
  const client = new Client(server.url);
  await client.connect();
  await client.query('create database cta_template');
  await client.end();
  const url = new URL(server.url);
  url.pathname = '/cta_template';
  await migrateDatabase(url.href, () => installQueue({ url: url.href, log: quietLog, supervise: false }));
  project.provide('serverUrl', server.url);
  return async () => {
    await stop();
    await rm(folder, { recursive: true, force: true });
  };
}
