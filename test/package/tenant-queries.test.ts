import { globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

/*
 * Every query that starts from a client's id must name the workspace. This test checks files, not
 * queries: a file that names it once passes. The files below query tenant data without it, each for
 * a reason. A new file must name the workspace, or be listed here with a reason.
 */

const REASONS: Readonly<Record<string, readonly string[]>> = {
  'serves whoever has the unguessable key': ['assets/find-asset', 'previews/find-embedded'],
  'changes rows that its caller found by their workspace, or claimed, and whose batch it has locked': [
    'batches/count-previews',
    'pipeline/fail-source',
    'pipeline/lock-batches',
    'pipeline/record-late-answer',
    'pipeline/settle-answer',
    'sources/stop-sources',
    'pipeline/cancel-previews',
    'pipeline/fail-previews',
    'pipeline/finish-previews',
    'pipeline/load-input',
    'pipeline/sync-step-status',
    'pipeline/queue-previews',
    'pipeline/refresh-usage',
  ],
  'reads the queue of all workspaces, and returns to each its own position': [
    'previews/load-queue-positions',
    'workers/load-capacity',
  ],
  'is the work of a worker for all workspaces: jobs, recovery, retention': [
    'assets/delete-orphans',
    'batches/delete-old-batches',
    'pipeline/expire-waits',
    'pipeline/rescue-stuck-previews',
    'pipeline/start-batches',
    'products/delete-unused-products',
    'webhooks/delete-old-deliveries',
  ],
  'keeps the limit and the ledger, which are shared by all workspaces': [
    'ai-calls/abandon-calls',
    'ai-calls/close-breakers',
    'ai-calls/close-call',
    'ai-calls/delete-old-calls',
    'ai-calls/decide-steps',
    'ai-calls/load-limiter',
    'ai-calls/record-departure',
    'ai-calls/record-failure',
    'ai-calls/record-usage',
    'ai-calls/find-peak-window',
    'ai-calls/lock-slots',
  ],
};

const TABLES = 'batches|sources|previews|products|productImages|webhooks|webhookDeliveries|aiCalls';
const SQL_TABLES =
  'batches|sources|previews|products|product_images|webhooks|webhook_deliveries|ai_calls|assets';
const QUERY = new RegExp(
  `\\b(?:from|update|delete|insert|innerJoin|leftJoin)\\((?:${TABLES}|assets)\\b|\\bcta\\.(?:${SQL_TABLES})\\b`,
);

test('each file that queries tenant data names the workspace or is a documented exception', () => {
  const root = new URL('../../src/', import.meta.url).pathname;
  const unnamed = globSync('**/*.ts', { cwd: root })
    .filter((file) => !file.startsWith('db/') && !file.endsWith('.test.ts'))
    .filter((file) => {
      const text = readFileSync(root + file, 'utf8');
      return QUERY.test(text) && !/workspace_?id/i.test(text);
    })
    .map((file) => file.replace(/\.ts$/, ''));
  expect(unnamed.toSorted()).toEqual(Object.values(REASONS).flat().toSorted());
});
