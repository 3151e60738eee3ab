import { and, eq, inArray, sql } from 'drizzle-orm';
import { alias } from 'drizzle-orm/pg-core';
import { prepareOnce, type Tx } from '../db/client.ts';
import { webhookDeliveries, webhooks } from '../db/schema/webhooks.ts';
import { pipelined } from '../lib/pipelined.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';
import type { Claim } from '../queue/poller.ts';
import { decideDelivery, LEASE_MS } from './webhook.ts';

/** A message to send now. */
export interface ClaimedDelivery {
  readonly deliveryId: string;
  readonly webhookId: string;
  readonly workspaceId: string;
  readonly url: string;
  readonly secret: string;
  /** The message, the same in every try. */
  readonly payload: unknown;
  /** The number of the try, from 1. */
  readonly attempt: number;
  /** When this try was claimed. Its result is not written once a later try exists. */
  readonly attemptedAt: Date;
  /** The trace context of its job, if tracing is on. */
  readonly traceparent?: string | undefined;
}

/**
 * How long after the end of the lease its job is due, whatever clock is used: a job that comes too
 * early is dropped.
 */
const LEASE_MARGIN_MS = 5000;

/**
 * Takes `webhook.deliver` jobs and counts a try of each delivery that is due, in one transaction.
 *
 * A delivery has no owner, so it is leased: the same transaction enqueues a job for the time at
 * which this try must have ended. If the worker dies, that job is the next try; otherwise it finds
 * the delivery finished or with another job, and is dropped. So a pending delivery always has a
 * job. If a worker dies while it sends, a message may arrive twice, with the same id.
 */
export async function claimDeliveries(
  deps: FeatureDeps,
  { limit, without = [] }: { limit: number; without?: readonly string[] },
): Promise<Claim<ClaimedDelivery>> {
  return deps.transact(async (tx) => {
    const { jobs, complete } = await deps.queue.fetch(tx, 'webhook.deliver', limit, { without });
    if (jobs.length === 0) return { work: [], more: false };
    const [, rows] = await pipelined(complete, () =>
      lockDeliveries(tx).execute({ ids: jobs.map((job) => job.payload.deliveryId) }),
    );
    const decisions = new Map(rows.map((row) => [row.deliveryId, decideDelivery(row)]));
    const idsOf = (decision: string) =>
      [...decisions].flatMap(([id, decided]) => (decided === decision ? [id] : []));
    await failDeliveries(tx, idsOf('give_up'));
    const traceparents = new Map(jobs.map(({ payload }) => [payload.deliveryId, payload.traceparent]));
    const owners = new Map(rows.map((row) => [row.deliveryId, row.workspaceId]));
    const tries = await countTries(deps, tx, idsOf('send'), { traceparents, owners });
    const work = rows.flatMap(({ deliveryId, webhookId, workspaceId, url, secret, payload }) => {
      const countedTry = tries.get(deliveryId);
      if (!countedTry) return [];
      const traceparent = traceparents.get(deliveryId);
      return [{ deliveryId, webhookId, workspaceId, url, secret, payload, traceparent, ...countedTry }];
    });
    return { work, more: true };
  });
}

/** An alias, because `for update of` does not accept a table name with a schema. */
const locked = alias(webhookDeliveries, 'held');

const lockDeliveries = prepareOnce((orm) =>
  orm
    .select({
      deliveryId: locked.id,
      webhookId: webhooks.id,
      workspaceId: locked.workspaceId,
      url: webhooks.url,
      secret: webhooks.secret,
      payload: locked.payload,
      status: locked.status,
      attempts: locked.attempts,
      lastError: locked.lastError,
      sinceTryMs: sql<
        number | null
      >`extract(epoch from clock_timestamp() - ${locked.attemptedAt})::float8 * 1000`,
      dueInMs: sql<number | null>`extract(epoch from ${locked.dueAt} - clock_timestamp())::float8 * 1000`,
    })
    .from(locked)
    .innerJoin(webhooks, eq(webhooks.id, locked.webhookId))
    .where(eq(locked.id, sql`any(${sql.placeholder('ids')})`))
    .orderBy(locked.id)
    .for('no key update', { of: locked })
    .prepare('lock_deliveries'),
);

async function countTries(
  deps: Pick<FeatureDeps, 'queue'>,
  tx: Tx,
  ids: readonly string[],
  { traceparents, owners }: Record<'traceparents' | 'owners', ReadonlyMap<string, string | undefined>>,
): Promise<Map<string, { attempt: number; attemptedAt: Date }>> {
  if (ids.length === 0) return new Map();
  const rows = await tx
    .update(webhookDeliveries)
    .set({
      attempts: sql`${webhookDeliveries.attempts} + 1`,
      attemptedAt: sql`clock_timestamp()`,
      dueAt: null,
      lastStatus: null,
      lastError: null,
    })
    .where(inArray(webhookDeliveries.id, [...ids]))
    .returning({
      id: webhookDeliveries.id,
      attempt: webhookDeliveries.attempts,
      attemptedAt: webhookDeliveries.attemptedAt,
    });
  const delayMs = LEASE_MS + LEASE_MARGIN_MS;
  const leases = ids.map((deliveryId) => ({
    payload: { deliveryId, traceparent: traceparents.get(deliveryId) },
    ...ownedBy(owners.get(deliveryId)),
    delayMs,
  }));
  await deps.queue.enqueue(tx, 'webhook.deliver', leases, { quietly: true });
  return new Map(
    rows.flatMap(({ id, attempt, attemptedAt }) => (attemptedAt ? [[id, { attempt, attemptedAt }]] : [])),
  );
}

function ownedBy(owner: string | undefined): { owner?: string } {
  return owner === undefined ? {} : { owner };
}

async function failDeliveries(tx: Tx, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await tx
    .update(webhookDeliveries)
    .set({ status: 'failed', lastError: 'The worker ended during the last attempt.' })
    .where(and(inArray(webhookDeliveries.id, [...ids]), eq(webhookDeliveries.status, 'pending')));
}
