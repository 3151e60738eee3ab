import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import superjson, { type SuperJSONResult } from 'superjson';
import { type Orm, type Tx, withinTransaction } from '../db/client.ts';
import { prepareSql } from '../db/prepare-sql.ts';
import { AppError } from '../lib/app-error.ts';
import { isForeignKeyViolation } from '../lib/database-error.ts';
import { sha256 } from '../lib/ids.ts';
import { unlessAborted } from '../lib/unless-aborted.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';

/** How long an equal request waits for the answer of the first one. */
const WAIT_MS = 5000;
/** How often to check whether the first request has ended, if another process runs it. */
const POLL_MS = 100;

/** A request with an `Idempotency-Key`. */
export interface KeyedRequest {
  readonly workspaceId: string;
  /** From the client, 1 to 255 characters. */
  readonly key: string;
  /** The operation and its input: the same for every request with this key. */
  readonly operation: string;
  readonly input: unknown;
}

/** The values that claim a key for a request. */
interface KeyClaim {
  readonly workspaceId: string;
  readonly key: string;
  readonly fingerprint: Buffer;
}

/** A request that this process is running. */
interface RunningRequest {
  readonly fingerprint: Buffer;
  readonly answer: Promise<unknown>;
}

/** By database, then by workspace and key. */
const runningRequests = new WeakMap<Orm, Map<string, RunningRequest>>();

/**
 * Runs `work` once for all requests with the same key (draft-ietf-httpapi-idempotency-key-header).
 * The answer is written in the transaction of the work, so neither exists without the other, and a
 * repeated request gets that answer. A failure is not written: the same request may be sent again.
 *
 * `work` must do all its reading and writing through the deps it is given, and nothing that a
 * rollback does not undo; it may run more than once.
 *
 * Requests with the same key at the same time wait for the first one, without a connection.
 *
 * @throws AppError `idempotency_mismatch` if the key came with another request,
 * `idempotency_conflict` if the first one still runs after some seconds; and everything that `work`
 * throws.
 */
export async function runIdempotent<D extends FeatureDeps, T>(
  deps: D,
  request: KeyedRequest,
  work: (deps: D) => Promise<T>,
): Promise<T> {
  const running = runningRequests.get(deps.orm) ?? new Map<string, RunningRequest>();
  runningRequests.set(deps.orm, running);
  const mapKey = `${request.workspaceId} ${request.key}`;
  const fingerprint = sha256(JSON.stringify([request.operation, request.input]));
  const deadline = AbortSignal.timeout(WAIT_MS);
  for (let other = running.get(mapKey); other; other = running.get(mapKey)) {
    const ended = other.answer.then(
      (answer) => ({ answer: answer as T }),
      () => undefined,
    );
    const done = await waitFor(ended, deadline);
    // If the first one failed, this request tries again. If the first one was a different request,
    // its row leads to `idempotency_mismatch` below.
    if (done && other.fingerprint.equals(fingerprint)) return done.answer;
  }
  const claim = { workspaceId: request.workspaceId, key: request.key, fingerprint };
  const answer = tryUntilDone(deps, claim, { work, deadline });
  running.set(mapKey, { fingerprint, answer });
  return answer.finally(() => running.delete(mapKey));
}

/** Waits for a promise until the deadline, then throws `idempotency_conflict`. */
async function waitFor<R>(promise: Promise<R>, deadline: AbortSignal): Promise<R> {
  try {
    return await unlessAborted(promise, deadline);
  } catch (error) {
    if (deadline.aborted && error === deadline.reason) throw new AppError('idempotency_conflict');
    throw error;
  }
}

/** Runs the work, or waits while another process runs it. */
async function tryUntilDone<D extends FeatureDeps, T>(
  deps: D,
  claim: KeyClaim,
  { work, deadline }: { work: (deps: D) => Promise<T>; deadline: AbortSignal },
): Promise<T> {
  for (;;) {
    const done = await tryOnce(deps, claim, work);
    if (done) return done.answer;
    await waitFor(sleep(POLL_MS), deadline);
  }
}

/** Runs the work, or returns the stored answer; undefined while another process runs it. */
async function tryOnce<D extends FeatureDeps, T>(
  deps: D,
  { workspaceId, key, fingerprint }: KeyClaim,
  work: (deps: D) => Promise<T>,
): Promise<{ readonly answer: T } | undefined> {
  return deps.transact(async (tx) => {
    if (await claimKey(tx, { workspaceId, key, fingerprint })) {
      const answer = await work(withinTransaction(deps, tx));
      await storeAnswer(tx, { workspaceId, key, answer: JSON.stringify(superjson.serialize(answer)) });
      return { answer };
    }
    const [other] = await findAnswer(tx, { workspaceId, key });
    if (!other) return undefined;
    if (!other.fingerprint.equals(fingerprint)) throw new AppError('idempotency_mismatch');
    return { answer: superjson.deserialize<T>(other.answer) };
  });
}

/**
 * Returns true for the first request. Returns false, without waiting, if another request has or had
 * this key.
 */
async function claimKey(tx: Tx, claim: KeyClaim): Promise<boolean> {
  try {
    return (await insertKey(tx, { ...claim })).length > 0;
  } catch (error) {
    // The workspace was deleted after its token was looked up.
    if (isForeignKeyViolation(error)) throw new AppError('unauthorized', { cause: error });
    throw error;
  }
}

const value = sql.placeholder;

/**
 * Without the advisory lock, the insert would wait on its connection until the other transaction
 * that has inserted the row ends.
 */
const insertKey = prepareSql(
  'insert_idempotency_key',
  sql`
    insert into cta.idempotency_keys (workspace_id, key, fingerprint)
    select ${value('workspaceId')}::uuid, ${value('key')}::text, ${value('fingerprint')}::bytea
    where pg_try_advisory_xact_lock(hashtextextended(${value('workspaceId')}::text || ' ' || ${value('key')}::text, 0))
    on conflict do nothing returning key`,
);

const storeAnswer = prepareSql(
  'store_idempotent_answer',
  sql`
    update cta.idempotency_keys set answer = ${value('answer')}::jsonb
    where workspace_id = ${value('workspaceId')} and key = ${value('key')}`,
);

const findAnswer = prepareSql<{ fingerprint: Buffer; answer: SuperJSONResult }>(
  'find_idempotent_answer',
  sql`
    select fingerprint, answer from cta.idempotency_keys
    where workspace_id = ${value('workspaceId')} and key = ${value('key')}`,
);
