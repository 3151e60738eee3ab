import { and, eq, sql } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createBatch } from '../../src/batches/create-batch.ts';
import { getBatch } from '../../src/batches/get-batch.ts';
import type { Tx } from '../../src/db/client.ts';
import { aiCalls } from '../../src/db/schema/ai-calls.ts';
import { assets } from '../../src/db/schema/assets.ts';
import { batches } from '../../src/db/schema/batches.ts';
import { previews } from '../../src/db/schema/previews.ts';
import { products } from '../../src/db/schema/products.ts';
import { workspaces } from '../../src/db/schema/workspaces.ts';
import { AppError, type ErrorCode } from '../../src/lib/app-error.ts';
import { assignImages } from '../../src/pipeline/assign-images.ts';
import type { ClaimedCall } from '../../src/pipeline/claim-calls.ts';
import { claimSources } from '../../src/pipeline/claim-sources.ts';
import { rescueStuckPreviews } from '../../src/pipeline/rescue-stuck-previews.ts';
import { rescueForgotten, rescueWork } from '../../src/pipeline/rescue-work.ts';
import { createAnswerSettler } from '../../src/pipeline/settle-answer.ts';
import { settleCallFailure } from '../../src/pipeline/settle-call-failure.ts';
import { settleSourceFailure } from '../../src/pipeline/settle-source-failure.ts';
import { startBatches } from '../../src/pipeline/start-batches.ts';
import { listPreviews } from '../../src/previews/list-previews.ts';
import { recordProduct } from '../../src/products/record-product.ts';
import { poll } from '../support/poll.ts';
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

let db: TestDatabase;
let workerId: string;
let workspaceId: string;
beforeEach(async () => {
  db = await openTestDatabase();
  workerId = await addWorker(db);
  ({ workspaceId } = await db.addWorkspace('one'));
});
afterEach(() => db.drop());

const show = (id: string) => getBatch(db.deps, { workspaceId, id });
const list = async (bulkTaskId: string) =>
  (await listPreviews(db.deps, { workspaceId, bulkTaskId, baseUrl: 'http://x', pageSize: 100 })).items;
const fail = (call: ClaimedCall, code: ErrorCode) => settleCallFailure(db.deps, call, new AppError(code));
const counts = async (id: string) => {
  const { total, ...rest } = (await show(id)).progress;
  expect(Object.values(rest).reduce((a, b) => a + b)).toBe(total);
  return Object.fromEntries(Object.entries(rest).filter(([, n]) => n > 0));
};

describe('a batch from its creation to its end', () => {
  test('creates all previews at once, which become queued, running and done', async () => {
    const created = await createBatch(db.deps, {
      workspaceId,
      batch: { sources: [{ url: 'https://shop.example/a', batchSize: 3 }] },
    });
    expect(created).toMatchObject({ status: 'pending', startedAt: null, progress: { total: 3, pending: 3 } });
    expect(await startBatches(db.deps, 10)).toBe(1);
    expect(await show(created.id)).toMatchObject({ status: 'running', startedAt: expect.any(Date) });

    const { work } = await claimSources(db.deps, { workerId, limit: 5 });
    expect((await show(created.id)).sources[0]).toMatchObject({ status: 'running' });
    const [source] = work;
    if (!source) throw new Error('no source was claimed');
    const page = {
      product: makeProduct(),
      images: makeImages(2),
      ranking: { method: 'heuristic', model: null } as const,
    };
    expect(await assignImages(db.deps, source, page)).toBe(true);
    expect(await counts(created.id)).toEqual({ queued: 3 });

    const calls = await claim(db, workerId);
    expect(calls.map((call) => call.kind).sort()).toEqual([
      'image',
      'image',
      'image',
      'text',
      'text',
      'text',
    ]);
    expect(await counts(created.id)).toEqual({ running: 3 });
    await finish(db, calls);
    const batch = await show(created.id);
    expect(batch).toMatchObject({
      status: 'done',
      progress: { done: 3 },
      finishedAt: expect.any(Date),
      error: null,
    });

    const [first, second, third] = await list(created.id);
    expect(first).toMatchObject({
      position: 0,
      status: 'done',
      version: 2,
      ranking: { method: 'heuristic', score: 1, model: null },
      generator: { text: { provider: 'test' }, image: { provider: 'test' } },
      prefill: { headline: 'A red shoe', ctaUrl: makeProduct().address, priceText: '€46.00', locale: 'en' },
    });
    // There are two images for three previews, so the third uses the first image again.
    expect(third?.prefill?.productImageUrl).toBe(first?.prefill?.productImageUrl);
    expect(second?.prefill?.productImageUrl).not.toBe(first?.prefill?.productImageUrl);
  });

  test('does not write a product without an image, because its id would be missing', async () => {
    const page = {
      product: makeProduct(),
      images: [],
      ranking: { method: 'heuristic' as const, model: null },
    };
    await expect(db.transact((tx) => recordProduct(tx, workspaceId, page))).rejects.toThrow(
      'an image of the product is missing',
    );
    expect(await db.orm.select().from(products)).toEqual([]);
  });

  test('finishes the batch when its last two previews finish at the same time', async () => {
    for (let round = 0; round < 5; round += 1) {
      const { id } = await addQueuedBatch(db, workspaceId, [2]);
      const calls = await claim(db, workerId);
      for (const call of calls) await answer(db, call);
      const [a, b] = new Set(calls.map((call) => call.previewId));
      await Promise.all([
        createAnswerSettler(db.deps).settle({ callId: '', batchId: id, previewId: a ?? '' }),
        createAnswerSettler(db.deps).settle({ callId: '', batchId: id, previewId: b ?? '' }),
      ]);
      expect(await show(id)).toMatchObject({ status: 'done', finishedAt: expect.any(Date) });
    }
  });

  test('fails the source and previews of an unusable page, with the reason, and continues the rest', async () => {
    const { id } = await createBatch(db.deps, {
      workspaceId,
      batch: {
        sources: [
          { url: 'https://shop.example/a', batchSize: 2 },
          { url: 'https://shop.example/b', batchSize: 1 },
        ],
      },
    });
    const { work } = await claimSources(db.deps, { workerId, limit: 5 });
    const [bad, good] = work.toSorted((x, y) => x.url.localeCompare(y.url));
    if (!bad || !good) throw new Error('two sources were expected');
    const outcome = await settleSourceFailure(db.deps, bad, new AppError('not_a_product'));
    expect(outcome.kind).toBe('failed');
    const page = {
      product: makeProduct(),
      images: makeImages(1),
      ranking: { method: 'heuristic', model: null } as const,
    };
    await assignImages(db.deps, good, page);
    await finish(db, await claim(db, workerId));
    const batch = await show(id);
    expect(batch).toMatchObject({ status: 'done', error: null, progress: { done: 1, failed: 2 } });
    expect(batch.sources[0]).toMatchObject({
      status: 'failed',
      error: { code: 'not_a_product', message: expect.stringContaining('No product'), retryable: false },
    });
    expect((await list(id))[0]).toMatchObject({
      status: 'failed',
      prefill: null,
      error: { code: 'not_a_product' },
    });
  });

  test('tries temporary failures three times in total', async () => {
    const { id } = await createBatch(db.deps, {
      workspaceId,
      batch: { sources: [{ url: 'https://shop.example/a', batchSize: 1 }] },
    });
    const outcomes: string[] = [];
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      await db.orm.execute(sql`update cta_jobs.job set start_after = now() where state = 'created'`);
      const { work } = await claimSources(db.deps, { workerId, limit: 5 });
      expect(work).toHaveLength(1);
      for (const source of work) {
        outcomes.push((await settleSourceFailure(db.deps, source, new AppError('page_failed'))).kind);
      }
    }
    expect(outcomes).toEqual(['retry', 'retry', 'failed']);
    expect(await show(id)).toMatchObject({
      status: 'failed',
      error: { code: 'page_failed', retryable: true },
    });
  });
});

describe('a shop that asks for fewer requests', () => {
  test.each([
    [undefined, 1000],
    [0, 1000],
    [7000, 7000],
    [3_600_000, 60_000],
  ])('Retry-After of %s ms: retries after %i ms', async (retryAfterMs, delayMs) => {
    await createBatch(db.deps, {
      workspaceId,
      batch: { sources: [{ url: 'https://shop.example/a', batchSize: 1 }] },
    });
    const { work } = await claimSources(db.deps, { workerId, limit: 5 });
    const error = new AppError('page_throttled', retryAfterMs === undefined ? {} : { retryAfterMs });
    const outcomes = await Promise.all(work.map((source) => settleSourceFailure(db.deps, source, error)));
    expect(outcomes).toEqual([{ kind: 'retry', error, delayMs }]);
    const result = await db.orm.execute<{ wait: number }>(
      sql`select extract(epoch from start_after - created_on)::float8 as wait from cta_jobs.job
        where name = 'source.process' and state = 'created' order by start_after desc limit 1`,
    );
    expect(result.rows[0]?.wait).toBeCloseTo(delayMs / 1000, 1);
  });
});

describe('calls that fail', () => {
  const dueNow = () =>
    db.orm.execute(sql`update cta_jobs.job set start_after = now() where state = 'created'`);

  test('retries a step alone, and queues the preview only when nothing is in progress', async () => {
    const { id } = await addQueuedBatch(db, workspaceId, [1]);
    const [one, two] = await claim(db, workerId);
    if (!one || !two) throw new Error('two calls were expected');
    expect(await fail(one, 'ai_server_error')).toMatchObject({ kind: 'retry' });
    expect(await counts(id)).toEqual({ running: 1 });
    await finish(db, [two]);
    expect(await counts(id)).toEqual({ queued: 1 });
    await dueNow();
    const again = await claim(db, workerId);
    expect(again).toMatchObject([{ kind: one.kind, idempotencyKey: one.idempotencyKey }]);
    expect(await counts(id)).toEqual({ running: 1 });
    await finish(db, again);
    expect(await counts(id)).toEqual({ done: 1 });
    const calls = await db.orm.select().from(aiCalls).where(eq(aiCalls.previewId, one.previewId));
    expect(calls).toHaveLength(3);
  });

  test('fails the preview at once on a refusal, and still stores the answer of the other call', async () => {
    const { id } = await addQueuedBatch(db, workspaceId, [1]);
    const calls = await claim(db, workerId);
    const text = calls.find((call) => call.kind === 'text');
    const image = calls.find((call) => call.kind === 'image');
    if (!text || !image) throw new Error('two calls were expected');
    expect(await fail(text, 'ai_refused')).toMatchObject({ kind: 'failed' });
    expect(await show(id)).toMatchObject({
      status: 'failed',
      error: { code: 'all_failed', retryable: false },
      finishedAt: expect.any(Date),
    });
    expect((await list(id))[0]?.error).toMatchObject({ code: 'ai_refused', retryable: false });
    expect(await answer(db, image)).toBe('in_time');
    await createAnswerSettler(db.deps).settle(image);
    expect(await counts(id)).toEqual({ failed: 1 });
  });

  test('derives from its previews whether a failed batch may be retried', async () => {
    const { id } = await addQueuedBatch(db, workspaceId, [1, 2]);
    const texts = (await claim(db, workerId)).filter((call) => call.kind === 'text');
    const [first, second, third] = texts;
    if (!first || !second || !third) throw new Error('three calls were expected');
    await fail(first, 'ai_refused');
    await fail(second, 'ai_bad_request');
    expect((await show(id)).error).toBeNull();
    for (let i = 0; i < 2; i += 1) {
      const [again = third] =
        i === 0 ? [] : (await claim(db, workerId)).filter((call) => call.kind === 'text');
      await fail(again, 'ai_bad_answer');
    }
    expect(await show(id)).toMatchObject({
      status: 'failed',
      error: { code: 'all_failed', retryable: true },
    });
  });

  test('makes 40 calls for ten previews whose answers always have a wrong shape', async () => {
    const { id } = await addQueuedBatch(db, workspaceId, [10]);
    for (let round = 0; round < 10; round += 1) {
      const calls = await claim(db, workerId);
      for (const call of calls) await fail(call, 'ai_bad_answer');
      await dueNow();
    }
    expect(await counts(id)).toEqual({ failed: 10 });
    expect((await db.orm.select({ id: aiCalls.id }).from(aiCalls)).length).toBeLessThanOrEqual(40);
  });
});

describe('workers that die', () => {
  test('requeues their work in progress, and does not repeat stored answers', async () => {
    const { id } = await addQueuedBatch(db, workspaceId, [2]);
    const calls = await claim(db, workerId);
    const [stored] = calls;
    if (!stored) throw new Error('calls were expected');
    await answer(db, stored);
    expect(await rescueWork(db.deps, workerId)).toEqual({ calls: 3, pages: 0 });
    expect(await rescueWork(db.deps, workerId)).toEqual({ calls: 0, pages: 0 });
    expect(await counts(id)).toEqual({ queued: 2 });
    await db.orm.execute(sql`update cta_jobs.job set start_after = now() where state = 'created'`);
    const other = await addWorker(db);
    const again = await claim(db, other);
    expect(again).toHaveLength(3);
    const kept = again.filter((call) => call.previewId === stored.previewId);
    expect(kept.map((call) => call.kind)).not.toContain(stored.kind);
    await finish(db, again);
    expect(await counts(id)).toEqual({ done: 2 });
  });

  test('locks the turns of workspaces in the order of their ids, to avoid deadlocks', async () => {
    const first = workspaceId;
    const second = (await db.addWorkspace('two')).workspaceId;
    // The second workspace is claimed first.
    for (const owner of [second, first]) {
      await addQueuedBatch(db, owner, [1]);
      expect(await claim(db, workerId)).toHaveLength(2);
    }
    const lock = (tx: Tx, id: string) =>
      tx.execute(
        sql`select 1 from cta.turns where workspace_id = ${id} and queue = 'previews' for no key update nowait`,
      );
    const recovered = await db.transact(async (tx) => {
      await lock(tx, first);
      const recovering = rescueWork(db.deps, workerId);
      await poll(
        () =>
          db.orm.execute(sql`
            select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`),
        (waiting) => waiting.rows.length > 0,
        { timeoutMs: 9000 },
      );
      await lock(tx, second);
      return { recovering };
    });
    expect(await recovered.recovering).toEqual({ calls: 4, pages: 0 });
  });

  test('three deaths in a row fail no preview', async () => {
    const { id } = await addQueuedBatch(db, workspaceId, [1]);
    for (let death = 0; death < 3; death += 1) {
      const victim = await addWorker(db);
      expect(await claim(db, victim)).toHaveLength(2);
      await rescueWork(db.deps, victim);
      await db.orm.execute(sql`update cta_jobs.job set start_after = now() where state = 'created'`);
    }
    await finish(db, await claim(db, workerId));
    expect(await counts(id)).toEqual({ done: 1 });
  });

  test('lets a worker that comes back change no status, and stores its answer if the step has none', async () => {
    const { id } = await addQueuedBatch(db, workspaceId, [1]);
    const calls = await claim(db, workerId);
    expect(calls).toHaveLength(2);
    await rescueWork(db.deps, workerId);
    for (const call of calls) expect(await answer(db, call)).toBe('late');
    expect(await fail(calls[0] as ClaimedCall, 'ai_timeout')).toMatchObject({ kind: 'dropped' });
    expect(await counts(id)).toEqual({ queued: 1 });
    // The new tries find no missing answers.
    await db.orm.execute(sql`update cta_jobs.job set start_after = now() where state = 'created'`);
    expect(await claim(db, await addWorker(db))).toEqual([]);
    expect(await counts(id)).toEqual({ done: 1 });
    expect(await db.orm.select({ id: aiCalls.id }).from(aiCalls)).toHaveLength(2);
  });

  test('discards a late answer if the step already has one', async () => {
    const { id } = await addQueuedBatch(db, workspaceId, [1]);
    const late = await claim(db, workerId);
    expect(late).toHaveLength(2);
    await rescueWork(db.deps, workerId);
    await db.orm.execute(sql`update cta_jobs.job set start_after = now() where state = 'created'`);
    await finish(db, await claim(db, await addWorker(db)));
    const before = await list(id);
    for (const call of late) expect(await answer(db, call)).toBe('late');
    // The usage still counts, because the answer was paid for.
    const paid = before.map((one) => ({
      ...one,
      usage: { ...one.usage, inputTokens: 40, outputTokens: 80 },
    }));
    expect(await list(id)).toEqual(paid);
    const answered = and(eq(aiCalls.status, 'answered'));
    expect(await db.orm.select({ id: aiCalls.id }).from(aiCalls).where(answered)).toHaveLength(2);
  });

  test('closes the next attempt when a late answer arrives, and continues the preview', async () => {
    for (const lateKind of ['text', 'image']) {
      const { id } = await addQueuedBatch(db, workspaceId, [1]);
      const victim = await addWorker(db);
      const late = (await claim(db, victim)).find((call) => call.kind === lateKind);
      if (!late) throw new Error('a call was expected');
      await rescueWork(db.deps, victim);
      await db.orm.execute(sql`update cta_jobs.job set start_after = now() where state = 'created'`);
      const calls = await claim(db, workerId);
      expect(calls).toHaveLength(2);
      expect(await answer(db, late)).toBe('late');
      await finish(db, calls);
      expect(await counts(id)).toEqual({ done: 1 });
      const open = await db.orm.select().from(aiCalls).where(eq(aiCalls.status, 'sent'));
      expect(open).toEqual([]);
    }
  });

  test('lets a worker that was marked dead claim nothing, also in a transaction that was open', async () => {
    await addQueuedBatch(db, workspaceId, [2]);
    await createBatch(db.deps, {
      workspaceId,
      batch: { sources: [{ url: 'https://shop.example/a', batchSize: 1 }] },
    });
    const victim = await addWorker(db);
    const [claimed] = await Promise.all([claim(db, victim), rescueWork(db.deps, victim)]);
    expect(await claim(db, victim)).toEqual([]);
    expect((await claimSources(db.deps, { workerId: victim, limit: 5 })).work).toEqual([]);
    // Whichever came first, a dead worker has no open calls.
    expect([0, 4]).toContain(claimed.length);
    expect(await db.orm.select().from(aiCalls).where(eq(aiCalls.status, 'sent'))).toEqual([]);
  });

  test('requeues rows that a live worker does not know of, but not its work in progress', async () => {
    const { id } = await addQueuedBatch(db, workspaceId, [2]);
    const calls = await claim(db, workerId);
    const [known] = calls;
    if (!known) throw new Error('calls were expected');
    const lookFor = () => rescueForgotten(db.deps, { workerId, inFlightIds: [known.callId] });
    expect(await lookFor()).toEqual({ calls: 0, pages: 0 });
    await db.orm.execute(sql`update cta.ai_calls set claimed_at = claimed_at - interval '6 seconds'`);
    expect(await lookFor()).toEqual({ calls: 3, pages: 0 });
    expect(await counts(id)).toEqual({ queued: 1, running: 1 });
  });

  test('fails only the preview that cannot be settled', async () => {
    const { id } = await addQueuedBatch(db, workspaceId, [2]);
    const calls = await claim(db, workerId);
    for (const call of calls) await answer(db, call);
    await db.orm
      .update(previews)
      .set({ imageId: null })
      .where(eq(previews.id, calls[0]?.previewId ?? ''));
    expect(await rescueStuckPreviews(db.deps)).toBe(2);
    expect(await counts(id)).toEqual({ done: 1, failed: 1 });
    expect((await list(id)).map((preview) => preview.error?.code ?? 'none').sort()).toEqual([
      'internal',
      'none',
    ]);
  });

  test('settles a stuck preview that has both answers but no prefill', async () => {
    const { id } = await addQueuedBatch(db, workspaceId, [1]);
    for (const call of await claim(db, workerId)) await answer(db, call);
    expect(await counts(id)).toEqual({ running: 1 });
    expect(await rescueStuckPreviews(db.deps)).toBe(1);
    expect(await counts(id)).toEqual({ done: 1 });
  });

  test('reads a page again that was being read, for a limited number of times', async () => {
    const { id } = await createBatch(db.deps, {
      workspaceId,
      batch: { sources: [{ url: 'https://shop.example/a', batchSize: 1 }] },
    });
    for (let death = 1; death <= 4; death += 1) {
      expect(await counts(id)).toEqual({ pending: 1 });
      const victim = await addWorker(db);
      expect((await claimSources(db.deps, { workerId: victim, limit: 1 })).work).toHaveLength(1);
      expect(await rescueWork(db.deps, victim)).toEqual({ calls: 0, pages: 1 });
    }
    expect(await show(id)).toMatchObject({ status: 'failed', error: { code: 'source_crashed' } });
  });
});

describe('deleting while a worker is busy', () => {
  test('a batch: drops its answers and restores nothing', async () => {
    const { id } = await addQueuedBatch(db, workspaceId, [1]);
    const calls = await claim(db, workerId);
    const before = await db.orm.select({ id: assets.id }).from(assets);
    await db.orm.delete(batches).where(eq(batches.id, id));
    await finish(db, calls);
    for (const table of [batches, previews]) expect(await db.orm.select().from(table)).toEqual([]);
    expect(await db.orm.select({ id: assets.id }).from(assets)).toHaveLength(before.length);
    const ledger = await db.orm.select().from(aiCalls);
    expect(ledger.map(({ previewId, answer: kept, assetId }) => [previewId, kept, assetId])).toEqual([
      [null, null, null],
      [null, null, null],
    ]);
  });

  test('a product: deletes its previews, and fails the batch when it has none left', async () => {
    const { id } = await addQueuedBatch(db, workspaceId, [2]);
    const calls = await claim(db, workerId, 1);
    await db.orm.delete(products);
    expect(await db.orm.select().from(previews)).toEqual([]);
    await finish(db, calls);
    expect(await claim(db, workerId)).toEqual([]);
    expect(await show(id)).toMatchObject({
      status: 'failed',
      error: { code: 'deleted' },
      progress: { total: 0 },
      finishedAt: expect.any(Date),
    });
  });

  test('a product whose worker dies: still finishes its batch', async () => {
    const { id } = await addQueuedBatch(db, workspaceId, [1]);
    await claim(db, workerId);
    await db.orm.delete(products);
    await rescueWork(db.deps, workerId);
    expect(await db.orm.select().from(aiCalls).where(eq(aiCalls.status, 'sent'))).toEqual([]);
    await rescueStuckPreviews(db.deps);
    expect(await show(id)).toMatchObject({ status: 'failed', finishedAt: expect.any(Date) });
  });

  test('a workspace: deletes all its rows, and ignores failures of its calls', async () => {
    await addQueuedBatch(db, workspaceId, [1]);
    const calls = await claim(db, workerId);
    expect(calls).toHaveLength(2);
    await db.orm.delete(workspaces).where(eq(workspaces.id, workspaceId));
    for (const call of calls) expect(await fail(call, 'ai_timeout')).toMatchObject({ kind: 'dropped' });
    for (const table of [batches, previews, products, assets])
      expect(await db.orm.select().from(table)).toEqual([]);
  });

  test('a batch whose page is being read: writes nothing', async () => {
    const { id } = await createBatch(db.deps, {
      workspaceId,
      batch: { sources: [{ url: 'https://shop.example/a', batchSize: 1 }] },
    });
    const { work } = await claimSources(db.deps, { workerId, limit: 1 });
    await db.orm.delete(batches).where(eq(batches.id, id));
    const [source] = work;
    if (!source) throw new Error('no source was claimed');
    const page = {
      product: makeProduct(),
      images: makeImages(1),
      ranking: { method: 'heuristic', model: null } as const,
    };
    expect(await assignImages(db.deps, source, page)).toBe(false);
    expect(await settleSourceFailure(db.deps, source, new AppError('page_gone'))).toMatchObject({
      kind: 'dropped',
    });
    expect(await db.orm.select().from(products)).toEqual([]);
  });
});
