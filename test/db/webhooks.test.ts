import { sql } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { batchSchema } from '../../src/batches/batch.ts';
import { cancelBatch } from '../../src/batches/cancel-batch.ts';
import { createBatch } from '../../src/batches/create-batch.ts';
import { getBatch } from '../../src/batches/get-batch.ts';
import { retryBatch } from '../../src/batches/retry-batch.ts';
import type { Tx } from '../../src/db/client.ts';
import { batches } from '../../src/db/schema/batches.ts';
import { webhookDeliveries } from '../../src/db/schema/webhooks.ts';
import { AppError } from '../../src/lib/app-error.ts';
import { withSnakeKeys } from '../../src/lib/snake-keys.ts';
import { claimSources } from '../../src/pipeline/claim-sources.ts';
import { finishBatch } from '../../src/pipeline/finish-batch.ts';
import { lockBatches } from '../../src/pipeline/lock-batches.ts';
import { createAnswerSettler } from '../../src/pipeline/settle-answer.ts';
import { settleSourceFailure } from '../../src/pipeline/settle-source-failure.ts';
import { addWebhook } from '../../src/webhooks/add-webhook.ts';
import { claimDeliveries } from '../../src/webhooks/claim-deliveries.ts';
import { deleteOldDeliveries } from '../../src/webhooks/delete-old-deliveries.ts';
import { listDeliveries } from '../../src/webhooks/list-deliveries.ts';
import { listWebhooks } from '../../src/webhooks/list-webhooks.ts';
import { recordResponse } from '../../src/webhooks/record-response.ts';
import { releaseDeliveries } from '../../src/webhooks/release-deliveries.ts';
import { removeWebhook } from '../../src/webhooks/remove-webhook.ts';
import { resendDelivery } from '../../src/webhooks/resend-delivery.ts';
import { passWebhookTime } from '../support/pass-webhook-time.ts';
import { poll } from '../support/poll.ts';
import { addQueuedBatch, addWorker, answer, claim, finish } from '../support/seed.ts';
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

const add = (url = 'https://hooks.example/in', workspace = workspaceId) =>
  addWebhook(db, { workspaceId: workspace, url });
const rows = () => db.orm.select().from(webhookDeliveries).orderBy(webhookDeliveries.id);
const take = async () => (await claimDeliveries(db.deps, { limit: 10 })).work;
const answered = (status: number) => ({ status, error: null });

async function waitingJobs(): Promise<number> {
  const { rows: counted } = await db.orm.execute<{ n: number }>(
    sql`select count(*)::int as n from cta_jobs.job where name = 'webhook.deliver' and state < 'active'`,
  );
  return counted[0]?.n ?? 0;
}

async function makeDone(workspace = workspaceId) {
  const batch = await addQueuedBatch(db, workspace, [1]);
  await finish(db, await claim(db, workerId));
  return batch;
}

async function cancelAndFinish(tx: Tx, batchId: string): Promise<void> {
  const lock = await lockBatches(tx, [batchId]);
  await tx.execute(
    sql`update cta.previews set status = 'cancelled', finished_at = now() where batch_id = ${batchId}`,
  );
  await finishBatch(db.deps, lock, batchId);
}

/** Adds a delivery and claims its first try. */
async function takeOne() {
  await add();
  await makeDone();
  const [delivery] = await take();
  if (!delivery) throw new Error('no delivery was claimed');
  return delivery;
}

describe('a finished batch', () => {
  test('creates a delivery with the REST form of the batch, and a job, for each webhook of its workspace', async () => {
    const one = await add();
    const two = await add('https://hooks.example/two');
    const { workspaceId: other } = await db.addWorkspace('other');
    await add('https://hooks.example/in', other);
    const { id } = await makeDone();
    const batch = await getBatch(db.deps, { workspaceId, id });
    const deliveries = await rows();
    expect(deliveries.map((row) => row.webhookId).sort()).toEqual([one.id, two.id].sort());
    for (const delivery of deliveries) {
      expect(delivery).toMatchObject({ workspaceId, event: 'batch.finished', subjectId: id, attempts: 0 });
      expect(delivery.payload).toEqual({
        type: 'batch.finished',
        timestamp: batch.finishedAt?.toISOString(),
        data: JSON.parse(JSON.stringify(withSnakeKeys(batchSchema.parse(batch)))),
      });
      expect(delivery.payload).toMatchObject({ data: { id, status: 'done', progress: { done: 1 } } });
    }
    expect(await waitingJobs()).toBe(2);
  });

  test('creates nothing and takes one statement in a workspace without webhooks', async () => {
    const { workspaceId: other } = await db.addWorkspace('other');
    await add('https://hooks.example/in', other);
    const { id } = await makeDone();
    expect([await rows(), await waitingJobs()]).toEqual([[], 0]);
    await db.orm.update(batches).set({ finishedAt: null });
    const statements = await db.transact(async (tx) => {
      const lock = await lockBatches(tx, [id]);
      const client = tx.$client;
      const query = client.query;
      let count = 0;
      client.query = ((...given: Parameters<typeof query>) => {
        count += 1;
        return query.apply(client, given);
      }) as typeof query;
      await finishBatch(db.deps, lock, id).finally(() => {
        client.query = query;
      });
      return count;
    });
    expect(statements).toBe(1);
    expect((await getBatch(db.deps, { workspaceId, id })).finishedAt).toEqual(expect.any(Date));
  });

  test('creates no delivery in a transaction that rolls back', async () => {
    await add();
    const { id } = await addQueuedBatch(db, workspaceId, [1]);
    const failure = new Error('no');
    const attempt = db.transact(async (tx) => {
      await cancelAndFinish(tx, id);
      expect(await tx.select().from(webhookDeliveries)).toHaveLength(1);
      throw failure;
    });
    await expect(attempt).rejects.toBe(failure);
    expect([await rows(), await waitingJobs()]).toEqual([[], 0]);
  });

  test('creates one delivery when two workers finish its last two previews at the same time', async () => {
    await add();
    for (let round = 1; round <= 3; round += 1) {
      const { id } = await addQueuedBatch(db, workspaceId, [2]);
      const calls = await claim(db, workerId);
      for (const call of calls) await answer(db, call);
      const settle = (previewId: string) =>
        createAnswerSettler(db.deps).settle({ callId: '', batchId: id, previewId });
      await Promise.all([...new Set(calls.map((call) => call.previewId))].map(settle));
      expect(await rows()).toHaveLength(round);
    }
  });

  test('is finished even if a webhook is removed in the meantime', async () => {
    const { id: webhookId } = await add();
    await add('https://hooks.example/stays');
    const { id } = await addQueuedBatch(db, workspaceId, [1]);
    let finishing: Promise<void> | undefined;
    await db.transact(async (tx) => {
      await tx.execute(sql`delete from cta.webhooks where id = ${webhookId}`);
      finishing = db.transact((other) => cancelAndFinish(other, id));
      // Waits until it is blocked by the removal of the webhook.
      await poll(
        async () =>
          db.orm.execute(
            sql`select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
          ),
        ({ rows: waiting }) => waiting.length > 0,
      );
    });
    await finishing;
    expect(await getBatch(db.deps, { workspaceId, id })).toMatchObject({
      finishedAt: expect.any(Date),
    });
    expect(await rows()).toHaveLength(1);
  });

  test('creates a delivery for every result, and another one each time it ends again', async () => {
    await add();
    const waiting = await addQueuedBatch(db, workspaceId, [1]);
    await cancelBatch(db.deps, { workspaceId, id: waiting.id });
    const batch = { sources: [{ url: 'https://shop.example/x', batchSize: 2 }] };
    const lost = await createBatch(db.deps, { workspaceId, batch });
    const { work } = await claimSources(db.deps, { workerId, limit: 1 });
    for (const source of work) await settleSourceFailure(db.deps, source, new AppError('page_gone'));
    await retryBatch(db.deps, { workspaceId, id: waiting.id });
    await finish(db, await claim(db, workerId));
    const told = (await rows()).map(({ payload }) => (payload as { data: object }).data);
    expect(told).toMatchObject([
      { id: waiting.id, status: 'cancelled' },
      { id: lost.id, status: 'failed', error: { code: 'page_gone' } },
      { id: waiting.id, status: 'done', finished_at: expect.any(String) },
    ]);
  });
});

describe('a delivery', () => {
  test('is signed with its secret, and ends when it is answered', async () => {
    const { id, secret } = await add();
    await makeDone();
    const [delivery] = await take();
    expect(delivery).toMatchObject({ webhookId: id, secret, url: 'https://hooks.example/in', attempt: 1 });
    if (!delivery) return;
    expect(await recordResponse(db.deps, delivery, answered(204))).toEqual({ kind: 'done' });
    expect(await rows()).toMatchObject([
      { status: 'delivered', attempts: 1, lastStatus: 204, lastError: null, deliveredAt: expect.any(Date) },
    ]);
    await passWebhookTime(db);
    expect(await take()).toEqual([]);
    expect(await waitingJobs()).toBe(0);
  });

  test('is retried when it is due, and not earlier, however many jobs exist', async () => {
    const first = await takeOne();
    expect(await recordResponse(db.deps, first, answered(500))).toMatchObject({ kind: 'retry' });
    expect(await rows()).toMatchObject([
      { status: 'pending', lastStatus: 500, lastError: 'The receiver returned 500.' },
    ]);
    await db.orm.execute(sql`update cta_jobs.job set start_after = now() where name = 'webhook.deliver'`);
    // Both jobs ran too early, as if a clock had been changed.
    await db.transact((tx) =>
      db.queue.enqueue(tx, 'webhook.deliver', [
        { payload: { deliveryId: first.deliveryId }, delayMs: 60_000 },
      ]),
    );
    expect(await take()).toEqual([]);
    await passWebhookTime(db);
    const [second] = await take();
    expect(second).toEqual({ ...first, attempt: 2, attemptedAt: expect.any(Date) });
  });

  test('is retried at the time that a busy receiver requests, whatever jobs exist', async () => {
    const first = await takeOne();
    const asked = { status: 503, error: null, retryAfterMs: 30 * 60_000 };
    expect(await recordResponse(db.deps, first, asked)).toMatchObject({ kind: 'retry' });
    // As if ten minutes had passed, so its usual pause is over.
    await db.orm.execute(
      sql`update cta.webhook_deliveries set attempted_at = attempted_at - interval '10 min', due_at = due_at - interval '10 min'`,
    );
    await db.orm.execute(sql`update cta_jobs.job set start_after = now() where name = 'webhook.deliver'`);
    expect(await take()).toEqual([]);
    await db.transact((tx) =>
      db.queue.enqueue(tx, 'webhook.deliver', [{ payload: { deliveryId: first.deliveryId } }]),
    );
    await db.orm.execute(sql`update cta.webhook_deliveries set due_at = due_at - interval '24 min'`);
    expect(await take()).toMatchObject([{ deliveryId: first.deliveryId, attempt: 2 }]);
    expect(await rows()).toMatchObject([{ dueAt: null }]);
  });

  test('is requeued by a worker that stops, and sent at once by the next one as the same attempt', async () => {
    const first = await takeOne();
    expect(await releaseDeliveries(db.deps, [first])).toBe(1);
    expect(await releaseDeliveries(db.deps, [first])).toBe(0);
    expect(await recordResponse(db.deps, first, answered(204))).toMatchObject({ kind: 'dropped' });
    const [second] = await take();
    expect(second).toEqual({ ...first, attemptedAt: expect.any(Date) });
    expect(second?.attemptedAt).not.toEqual(first.attemptedAt);
    // Handing back fails when the next worker has the delivery, or when it was answered.
    expect(await releaseDeliveries(db.deps, [first])).toBe(0);
    if (second) await recordResponse(db.deps, second, answered(500));
    expect(await releaseDeliveries(db.deps, second ? [second] : [])).toBe(0);
    expect(await rows()).toMatchObject([{ status: 'pending', attempts: 1, lastStatus: 500 }]);
  });

  test('continues when its worker dies, and ignores a later result of that worker', async () => {
    const first = await takeOne();
    expect(await take()).toEqual([]);
    await passWebhookTime(db);
    const [second] = await take();
    expect(second).toMatchObject({ deliveryId: first.deliveryId, attempt: 2, payload: first.payload });
    expect(await recordResponse(db.deps, first, answered(500))).toMatchObject({ kind: 'dropped' });
    if (second) await recordResponse(db.deps, second, answered(200));
    expect(await rows()).toMatchObject([{ status: 'delivered', attempts: 2 }]);
  });

  test('fails after a day of attempts, at once for a 410, and when its last attempt is lost', async () => {
    for (const [, url] of ['a', 'b'].entries()) await add(`https://hooks.example/${url}`);
    await makeDone();
    const outcomes: string[] = [];
    let tries = 0;
    for (let work = await take(); work.length > 0; work = await take()) {
      tries += 1;
      for (const delivery of work) {
        const isFirst = delivery.url.endsWith('a');
        if (!isFirst && tries === 14) continue;
        const outcome = await recordResponse(db.deps, delivery, {
          status: null,
          error: 'The receiver did not answer in time.',
        });
        if (isFirst) outcomes.push(outcome.kind);
      }
      await passWebhookTime(db);
    }
    expect(outcomes).toEqual([...Array(13).fill('retry'), 'failed']);
    expect(
      (await rows()).map(({ status, attempts, lastError }) => [status, attempts, lastError]).sort(),
    ).toEqual([
      ['failed', 14, 'The receiver did not answer in time.'],
      ['failed', 14, 'The worker ended during the last attempt.'],
    ]);
    expect(await waitingJobs()).toBe(0);
    await makeDone();
    for (const delivery of await take())
      expect(await recordResponse(db.deps, delivery, answered(410))).toMatchObject({ kind: 'failed' });
  });

  test('is deleted with its webhook; its job finds nothing, and work in progress writes nothing', async () => {
    const delivery = await takeOne();
    await makeDone();
    await removeWebhook(db, { workspaceId, id: delivery.webhookId });
    expect(await rows()).toEqual([]);
    expect(await recordResponse(db.deps, delivery, answered(200))).toMatchObject({ kind: 'dropped' });
    await passWebhookTime(db);
    expect(await take()).toEqual([]);
    expect(await waitingJobs()).toBe(0);
    await makeDone();
    expect(await rows()).toEqual([]);
  });

  test('has the same message and all attempts when it is resent', async () => {
    const first = await takeOne();
    await recordResponse(db.deps, first, answered(410));
    await resendDelivery(db.deps, { workspaceId, id: first.deliveryId });
    expect(await take()).toEqual([{ ...first, attempt: 1, attemptedAt: expect.any(Date) }]);
  });

  test('is deleted when it and its attempts are old', async () => {
    await add();
    await makeDone();
    const keep = () => deleteOldDeliveries(db, { keepMs: 30 * 86_400_000 });
    const age = (days: number) =>
      db.orm.execute(
        sql`update cta.webhook_deliveries set created_at = now() - make_interval(days => ${days})`,
      );
    await age(29);
    expect(await keep()).toBe(0);
    await age(31);
    await take();
    expect(await keep()).toBe(0);
    await db.orm.execute(sql`update cta.webhook_deliveries set attempted_at = created_at`);
    expect(await keep()).toBe(1);
  });
});

describe('another workspace', () => {
  test('can neither see nor remove nor resend it', async () => {
    const { webhookId, deliveryId } = await takeOne();
    const { workspaceId: other } = await db.addWorkspace('other');
    expect(await listWebhooks(db, { workspaceId: other })).toEqual([]);
    expect(await listDeliveries(db, { workspaceId: other, limit: 10 })).toEqual([]);
    const before = await rows();
    for (const id of [deliveryId, 'no id'])
      await expect(resendDelivery(db.deps, { workspaceId: other, id })).rejects.toMatchObject({
        code: 'not_found',
      });
    for (const id of [webhookId, 'no id'])
      await expect(removeWebhook(db, { workspaceId: other, id })).rejects.toMatchObject({
        code: 'not_found',
      });
    expect(await rows()).toEqual(before);
    expect(await listWebhooks(db, { workspaceId })).toMatchObject([{ id: webhookId }]);
    expect(await listDeliveries(db, { workspaceId, limit: 10 })).toMatchObject([{ id: deliveryId }]);
  });

  test('can have a webhook with the same address, but not two of them', async () => {
    await add();
    const { workspaceId: other } = await db.addWorkspace('other');
    await add('https://hooks.example/in', other);
    await expect(add()).rejects.toMatchObject({ code: 'validation' });
  });
});
