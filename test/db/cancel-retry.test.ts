import { eq, sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Batch } from '../../src/batches/batch.ts';
import { cancelBatch } from '../../src/batches/cancel-batch.ts';
import { createBatch } from '../../src/batches/create-batch.ts';
import { getBatch } from '../../src/batches/get-batch.ts';
import { retryBatch } from '../../src/batches/retry-batch.ts';
import type { Tx } from '../../src/db/client.ts';
import { aiCalls } from '../../src/db/schema/ai-calls.ts';
import { productImages } from '../../src/db/schema/products.ts';
import { AppError } from '../../src/lib/app-error.ts';
import { assignImages } from '../../src/pipeline/assign-images.ts';
import type { ClaimedCall } from '../../src/pipeline/claim-calls.ts';
import { claimSources } from '../../src/pipeline/claim-sources.ts';
import { createAnswerSettler } from '../../src/pipeline/settle-answer.ts';
import { settleCallFailure } from '../../src/pipeline/settle-call-failure.ts';
import { settleSourceFailure } from '../../src/pipeline/settle-source-failure.ts';
import { cancelPreview } from '../../src/previews/cancel-preview.ts';
import { changePreview } from '../../src/previews/change-preview.ts';
import { getPreview } from '../../src/previews/get-preview.ts';
import { listPreviews } from '../../src/previews/list-previews.ts';
import { patchPreview } from '../../src/previews/patch-preview.ts';
import { retryPreview } from '../../src/previews/retry-preview.ts';
import {
  addQueuedBatch,
  addWorker,
  answer,
  claim,
  finish,
  makeImages,
  makeProduct,
} from '../support/seed.ts';
import { openTestDatabase, type TestDatabase } from '../support/test-database.ts';

const baseUrl = 'https://cta.example';
let db: TestDatabase;
let workerId: string;
let workspaceId: string;
beforeEach(async () => {
  db = await openTestDatabase();
  workerId = await addWorker(db);
  ({ workspaceId } = await db.addWorkspace('one'));
});
afterEach(() => db.drop());

const get = (batch: Batch) => getBatch(db.deps, { workspaceId, id: batch.id });
const cancel = (batch: Batch) => cancelBatch(db.deps, { workspaceId, id: batch.id });
const retry = (batch: Batch) => retryBatch(db.deps, { workspaceId, id: batch.id });
const retryOne = (id: string) => retryPreview(db.deps, { workspaceId, id, baseUrl });
const previewsOf = async (batch: Batch) =>
  (await listPreviews(db.deps, { workspaceId, baseUrl, pageSize: 100, bulkTaskId: batch.id })).items;
const countCalls = async () => (await db.orm.select({ id: aiCalls.id }).from(aiCalls)).length;

/** Returns the waiting jobs of previews and pages. */
async function waitingJobs(): Promise<string[]> {
  const { rows } = await db.orm.execute<{ name: string }>(
    sql`select name from cta_jobs.job where state < 'active' and name <> 'batch.start' order by name`,
  );
  return rows.map((row) => row.name);
}

async function addBatch(sizes: number[]): Promise<Batch> {
  const sources = sizes.map((batchSize, i) => ({ url: `https://shop.example/${i}`, batchSize }));
  return createBatch(db.deps, { workspaceId, batch: { sources } });
}

/** Reads the waiting pages. */
async function readPages(): Promise<number> {
  const { work } = await claimSources(db.deps, { workerId, limit: 100 });
  for (const source of work) {
    const images = makeImages(3);
    const ranking = { method: 'heuristic', model: null } as const;
    await assignImages(db.deps, source, { product: makeProduct(source.url), images, ranking });
  }
  return work.length;
}

async function runAll(): Promise<void> {
  for (let rounds = 0; rounds < 10; rounds += 1) {
    await readPages();
    await finish(db, await claim(db, workerId));
  }
}

const failCall = (call: ClaimedCall | undefined, code: ConstructorParameters<typeof AppError>[0]) => {
  if (!call) throw new Error('nothing was claimed');
  return settleCallFailure(db.deps, call, new AppError(code));
};

describe('canceling a batch', () => {
  test('starts no waiting previews, and keeps finished ones', async () => {
    const batch = await addBatch([3, 2]);
    const { work } = await claimSources(db.deps, { workerId, limit: 1 });
    const [source] = work;
    if (!source) throw new Error('nothing was claimed');
    const page = {
      product: makeProduct(),
      images: makeImages(3),
      ranking: { method: 'heuristic', model: null } as const,
    };
    await assignImages(db.deps, source, page);
    await finish(db, await claim(db, workerId, 1));
    const cancelled = await cancel(batch);
    expect(cancelled).toMatchObject({
      status: 'cancelled',
      progress: { total: 5, done: 1, cancelled: 4, queued: 0, pending: 0, running: 0 },
      finishedAt: expect.any(Date),
    });
    expect(cancelled.sources.map(({ status, error }) => [status, error?.code])).toContainEqual([
      'failed',
      'cancelled',
    ]);
    expect(await claim(db, workerId)).toEqual([]);
    expect((await claimSources(db.deps, { workerId, limit: 9 })).work).toEqual([]);
    expect(await countCalls()).toBe(2);
  });

  test('is idempotent, and refuses a finished batch', async () => {
    const batch = await addQueuedBatch(db, workspaceId, [2]);
    const first = await cancel(batch);
    expect(await cancel(batch)).toEqual(first);
    const other = await addQueuedBatch(db, workspaceId, [1]);
    await finish(db, await claim(db, workerId));
    await expect(cancel(other)).rejects.toMatchObject({ code: 'already_final' });
    await expect(cancelBatch(db.deps, { workspaceId, id: 'nothing' })).rejects.toMatchObject({
      code: 'not_found',
    });
  });

  test('stores an answer that arrives later, without a change of status', async () => {
    const batch = await addQueuedBatch(db, workspaceId, [1]);
    const calls = await claim(db, workerId);
    await cancel(batch);
    for (const call of calls) {
      expect(await answer(db, call)).toBe('in_time');
      await createAnswerSettler(db.deps).settle(call);
    }
    expect(await get(batch)).toMatchObject({ status: 'cancelled', progress: { cancelled: 1 } });
  });

  test('writes nothing for a page that was being read', async () => {
    const batch = await addBatch([2]);
    const { work } = await claimSources(db.deps, { workerId, limit: 1 });
    expect(work).toHaveLength(1);
    await cancel(batch);
    const page = {
      product: makeProduct(),
      images: makeImages(1),
      ranking: { method: 'heuristic', model: null } as const,
    };
    for (const source of work) expect(await assignImages(db.deps, source, page)).toBe(false);
    expect((await get(batch)).progress).toMatchObject({ cancelled: 2 });
  });

  test('twenty concurrent cancels and claims lose and duplicate nothing', async () => {
    const batch = await addQueuedBatch(db, workspaceId, [10]);
    const [calls] = await Promise.all([
      Promise.all(Array.from({ length: 5 }, () => claim(db, workerId, 2))),
      ...Array.from({ length: 10 }, () => cancel(batch)),
    ]);
    await finish(db, calls.flat());
    const { progress } = await get(batch);
    expect(progress.cancelled).toBe(10);
  });
});

describe('canceling a preview', () => {
  test('lets the other previews continue, and cancels a waiting page with its last preview', async () => {
    const batch = await addBatch([2]);
    const [one, two] = await previewsOf(batch);
    const options = { workspaceId, baseUrl };
    expect(await cancelPreview(db.deps, { ...options, id: one?.id ?? '' })).toMatchObject({
      status: 'cancelled',
    });
    expect(await get(batch)).toMatchObject({ status: 'running', sources: [{ status: 'pending' }] });
    await cancelPreview(db.deps, { ...options, id: one?.id ?? '' });
    await cancelPreview(db.deps, { ...options, id: two?.id ?? '' });
    expect(await get(batch)).toMatchObject({ status: 'cancelled', sources: [{ status: 'failed' }] });
    expect(await readPages()).toBe(0);
  });

  test('keeps a finished preview', async () => {
    const batch = await addQueuedBatch(db, workspaceId, [1]);
    await finish(db, await claim(db, workerId));
    const [done] = await previewsOf(batch);
    const options = { workspaceId, baseUrl, id: done?.id ?? '' };
    await expect(cancelPreview(db.deps, options)).rejects.toMatchObject({ code: 'already_final' });
  });

  test('assigns an image to a preview that was canceled while its page waited and is retried', async () => {
    const batch = await addBatch([2]);
    const [one] = await previewsOf(batch);
    await cancelPreview(db.deps, { workspaceId, baseUrl, id: one?.id ?? '' });
    await readPages();
    expect(await retryOne(one?.id ?? '')).toMatchObject({ status: 'queued', productId: expect.any(String) });
    await runAll();
    expect(await get(batch)).toMatchObject({ status: 'done', progress: { done: 2 } });
  });
});

describe('retrying', () => {
  test('does not repeat answered calls', async () => {
    const batch = await addQueuedBatch(db, workspaceId, [1]);
    const calls = await claim(db, workerId);
    await finish(
      db,
      calls.filter((call) => call.kind === 'text'),
    );
    await failCall(
      calls.find((call) => call.kind === 'image'),
      'ai_refused',
    );
    expect(await get(batch)).toMatchObject({ status: 'failed', finishedAt: expect.any(Date) });
    expect(await retry(batch)).toMatchObject({
      status: 'running',
      finishedAt: null,
      progress: { queued: 1 },
    });
    const again = await claim(db, workerId);
    expect(again.map((call) => call.kind)).toEqual(['image']);
    await finish(db, again);
    expect(await get(batch)).toMatchObject({ status: 'done', progress: { done: 1, failed: 0 } });
    expect(await countCalls()).toBe(3);
  });

  test('continues a canceled batch with its existing answers', async () => {
    const batch = await addQueuedBatch(db, workspaceId, [3]);
    const calls = await claim(db, workerId, 1);
    await finish(db, calls.slice(0, 1));
    await cancel(batch);
    for (const call of calls.slice(1)) await failCall(call, 'cancelled');
    expect(await retry(batch)).toMatchObject({ status: 'running' });
    await runAll();
    expect(await get(batch)).toMatchObject({ status: 'done', progress: { done: 3 } });
    expect(await countCalls()).toBe(7);
  });

  test('waits for a call that is still ending, then repeats it', async () => {
    const batch = await addQueuedBatch(db, workspaceId, [1]);
    const [one, two] = await claim(db, workerId);
    await cancel(batch);
    expect(await retry(batch)).toMatchObject({ progress: { running: 1 } });
    expect(await claim(db, workerId)).toEqual([]);
    await failCall(one, 'cancelled');
    await failCall(two, 'cancelled');
    expect(await claim(db, workerId)).toHaveLength(2);
  });

  test('gives a step all its attempts again', async () => {
    const batch = await addQueuedBatch(db, workspaceId, [1]);
    const fail = async () => {
      for (let rounds = 0; rounds < 4; rounds += 1) {
        for (const call of await claim(db, workerId)) await failCall(call, 'ai_bad_answer');
      }
    };
    await fail();
    const before = await countCalls();
    expect(await get(batch)).toMatchObject({ status: 'failed' });
    await retry(batch);
    await fail();
    expect(await countCalls()).toBe(before * 2);
    await retry(batch);
    await runAll();
    expect(await get(batch)).toMatchObject({ status: 'done' });
  });

  test('reads a failed page again, with all its attempts', async () => {
    const batch = await addBatch([2]);
    const failPage = async (code: 'page_gone' | 'page_failed') => {
      await db.orm.execute(sql`update cta_jobs.job set start_after = now() where state < 'active'`);
      const { work } = await claimSources(db.deps, { workerId, limit: 9 });
      for (const source of work) await settleSourceFailure(db.deps, source, new AppError(code));
      return work.length;
    };
    for (let i = 0; i < 3; i += 1) expect(await failPage('page_failed')).toBe(1);
    expect(await get(batch)).toMatchObject({
      status: 'failed',
      sources: [{ error: { code: 'page_failed' } }],
    });
    expect(await retry(batch)).toMatchObject({
      sources: [{ status: 'pending', error: null }],
      progress: { pending: 2 },
    });
    for (let i = 0; i < 2; i += 1) expect(await failPage('page_failed')).toBe(1);
    expect(await get(batch)).toMatchObject({ progress: { pending: 2 } });
    await db.orm.execute(sql`update cta_jobs.job set start_after = now() where state < 'active'`);
    await runAll();
    expect(await get(batch)).toMatchObject({ status: 'done', progress: { done: 2 }, error: null });
  });

  test('retries one preview of a failed page', async () => {
    const batch = await addBatch([2]);
    const { work } = await claimSources(db.deps, { workerId, limit: 9 });
    for (const source of work) await settleSourceFailure(db.deps, source, new AppError('page_gone'));
    const [one] = await previewsOf(batch);
    expect(await retryOne(one?.id ?? '')).toMatchObject({ status: 'pending', error: null });
    await runAll();
    expect(await get(batch)).toMatchObject({ status: 'done', progress: { done: 1, failed: 1 } });
    await retry(batch);
    await runAll();
    expect(await get(batch)).toMatchObject({ progress: { done: 2, failed: 0 } });
  });

  test('refuses if nothing failed or previews are still in progress', async () => {
    const batch = await addQueuedBatch(db, workspaceId, [1]);
    const [one] = await previewsOf(batch);
    await expect(retry(batch)).rejects.toMatchObject({ code: 'nothing_to_retry' });
    await expect(retryOne(one?.id ?? '')).rejects.toMatchObject({ code: 'still_under_way' });
    await expect(retryOne('nothing')).rejects.toMatchObject({ code: 'not_found' });
  });

  test('regenerates a finished preview and keeps its overrides', async () => {
    const batch = await addQueuedBatch(db, workspaceId, [2]);
    await finish(db, await claim(db, workerId));
    const [one] = await previewsOf(batch);
    const id = one?.id ?? '';
    await patchPreview(db.deps, { workspaceId, id, baseUrl, patch: { headline: 'Mine' } });
    const queued = await retryOne(id);
    expect(queued).toMatchObject({ status: 'queued', prefill: { headline: 'Mine' } });
    expect(await get(batch)).toMatchObject({ status: 'running', finishedAt: null });
    const calls = await claim(db, workerId);
    expect(calls).toHaveLength(2);
    const keys = await db.orm.select({ id: aiCalls.id }).from(aiCalls).where(eq(aiCalls.generation, 2));
    expect(keys).toHaveLength(2);
    await finish(db, calls);
    const done = await getPreview(db.deps, { workspaceId, id, baseUrl });
    expect(done).toMatchObject({ status: 'done', prefill: { headline: 'Mine', ctaText: 'Buy' } });
    expect(done.prefill?.backgroundImageUrl).not.toBe(one?.prefill?.backgroundImageUrl);
    expect(await get(batch)).toMatchObject({ status: 'done', progress: { done: 2 } });
  });

  test('reads the page of a preview again if its image was deleted', async () => {
    const batch = await addQueuedBatch(db, workspaceId, [1]);
    await finish(db, await claim(db, workerId));
    await db.orm.delete(productImages);
    const [one] = await previewsOf(batch);
    expect(await retryOne(one?.id ?? '')).toMatchObject({ status: 'pending' });
    expect(await get(batch)).toMatchObject({ sources: [{ status: 'pending' }] });
    await runAll();
    expect(await get(batch)).toMatchObject({ status: 'done', progress: { done: 1 } });
  });

  test('continues each preview from its existing answers, in the order of the batch', async () => {
    const batch = await addQueuedBatch(db, workspaceId, [6]);
    const calls = await claim(db, workerId, 5);
    const [both, text, image, open, none, never] = (await previewsOf(batch)).map((preview) => preview.id);
    await cancel(batch);
    const had = [
      [both, 'text', 'image'],
      [text, 'text'],
      [image, 'image'],
      [open, 'text'],
    ];
    for (const call of calls) {
      const isAnswered = had.some(([id, ...kinds]) => id === call.previewId && kinds.includes(call.kind));
      if (isAnswered) expect(await answer(db, call)).toBe('in_time');
      else if (call.previewId !== open) await failCall(call, 'cancelled');
    }
    await db.orm.execute(sql`delete from cta_jobs.job`);
    expect(await retry(batch)).toMatchObject({
      status: 'running',
      finishedAt: null,
      progress: { done: 1, queued: 4, running: 1 },
    });
    const jobs = await db.orm.execute<{ name: string; preview: string; tag: number }>(sql`
      select name, data->>'previewId' as preview, -priority as tag from cta_jobs.job order by priority desc`);
    expect(jobs.rows.map(({ name, preview }) => [name, preview])).toEqual([
      ['preview.background', text],
      ['preview.prefill', image],
      ['preview.generate', none],
      ['preview.generate', never],
    ]);
    expect(new Set(jobs.rows.map((job) => job.tag)).size).toBe(4);
    const rows = await db.orm.execute<{ id: string; next_step: string | null; start_tag: number }>(sql`
      select id, next_step, start_tag from cta.previews where status = 'queued' order by start_tag`);
    expect(rows.rows).toEqual([
      { id: text, next_step: 'image', start_tag: jobs.rows[0]?.tag },
      { id: image, next_step: 'text', start_tag: jobs.rows[1]?.tag },
      { id: none, next_step: null, start_tag: jobs.rows[2]?.tag },
      { id: never, next_step: null, start_tag: jobs.rows[3]?.tag },
    ]);
    await failCall(
      calls.find((call) => call.previewId === open && call.kind === 'image'),
      'cancelled',
    );
    await runAll();
    expect(await get(batch)).toMatchObject({ status: 'done', progress: { done: 6 } });
    // Five starts with two calls each, five lost calls, and both calls of the preview that had
    // never begun.
    expect(await countCalls()).toBe(10 + 5 + 2);
  });

  test('queues nothing for a call of the old image that is still ending', async () => {
    const batch = await addQueuedBatch(db, workspaceId, [2]);
    const calls = await claim(db, workerId);
    const [preview, other] = await previewsOf(batch);
    const id = preview?.id ?? '';
    await cancelPreview(db.deps, { workspaceId, id, baseUrl });
    await changePreview(db.deps, { workspaceId, id, baseUrl, imageId: other?.imageId ?? '' });
    for (const call of calls.filter(({ previewId }) => previewId === id)) await failCall(call, 'cancelled');
    const { rows } = await db.orm.execute(sql`
      select name from cta_jobs.job where state < 'active' and name in ('preview.prefill', 'preview.background')`);
    expect(rows).toEqual([]);
    expect((await claim(db, workerId)).map((call) => call.kind).toSorted()).toEqual(['image', 'text']);
  });

  test('finishes a batch at once if it has all answers', async () => {
    const batch = await addQueuedBatch(db, workspaceId, [2]);
    const calls = await claim(db, workerId);
    await cancel(batch);
    for (const call of calls) expect(await answer(db, call)).toBe('in_time');
    expect(await retry(batch)).toMatchObject({
      status: 'done',
      progress: { done: 2 },
      finishedAt: expect.any(Date),
    });
  });

  test('takes as many statements for a batch of fifty as for one of two', async () => {
    const countStatements = async (sizes: number[]) => {
      const batch = await addQueuedBatch(db, workspaceId, sizes);
      const calls = await claim(db, workerId);
      await cancel(batch);
      for (const [i, call] of calls.entries()) {
        // Keeps one answer per preview: the text for every second one.
        const isKept = (call.kind === 'text') === (Math.floor(i / 2) % 2 === 0);
        if (isKept) expect(await answer(db, call)).toBe('in_time');
        else await failCall(call, 'cancelled');
      }
      const client = new Client(db.url);
      await client.connect();
      let statements = 0;
      const query = client.query.bind(client) as (...args: unknown[]) => unknown;
      Object.assign(client, {
        query(...args: unknown[]) {
          statements += 1;
          return query(...args);
        },
      });
      await client.query('begin');
      await retryBatch(
        { ...db.deps, transact: (work) => work(drizzle(client) as unknown as Tx) },
        { workspaceId, id: batch.id },
      );
      await client.query('commit');
      await client.end();
      const previews = calls.length / 2;
      expect((await claim(db, workerId)).length).toBe(previews);
      return { previews, statements };
    };
    const few = await countStatements([1, 1]);
    const many = await countStatements([10, 10, 10, 10, 10]);
    expect([few.previews, many.previews]).toEqual([2, 50]);
    expect(few.statements).toBeGreaterThan(5);
    expect(many.statements).toBe(few.statements);
  });

  test('starts one round for ten concurrent retries', async () => {
    const batch = await addQueuedBatch(db, workspaceId, [3]);
    await cancel(batch);
    const results = await Promise.allSettled(Array.from({ length: 10 }, () => retry(batch)));
    expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
    expect(await claim(db, workerId)).toHaveLength(6);
    expect(await claim(db, workerId)).toEqual([]);
  });
});

test('canceling removes all jobs of the batch and none of another one', async () => {
  const [pages, queued, other] = [
    await addQueuedBatch(db, workspaceId, [2]),
    await addQueuedBatch(db, workspaceId, [3]),
    await addBatch([1, 1]),
  ];
  const page = await addBatch([2]);
  expect(await waitingJobs()).toEqual([
    ...Array(5).fill('preview.generate'),
    ...Array(3).fill('source.process'),
  ]);
  await cancel(queued);
  await cancel(page);
  const [first] = await previewsOf(pages);
  await cancelPreview(db.deps, { workspaceId, id: first?.id ?? '', baseUrl });
  expect(await waitingJobs()).toEqual(['preview.generate', 'source.process', 'source.process']);
  // After the retry it is queued once, at its new position.
  await retry(queued);
  expect(await waitingJobs()).toEqual([
    ...Array(4).fill('preview.generate'),
    'source.process',
    'source.process',
  ]);
  expect(await claim(db, workerId)).toHaveLength(8);
  await cancel(other);
  expect(await waitingJobs()).toEqual([]);
});
