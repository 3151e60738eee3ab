import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import superjson, { type SuperJSONResult } from 'superjson';
import { type Orm, type Transact, type Tx, withinTransaction } from '../db/client.ts';
import { prepareSql } from '../db/prepare-sql.ts';
import { AppError } from '../lib/app-error.ts';
import { isForeignKeyViolation } from '../lib/database-error.ts';
import { sha256 } from '../lib/ids.ts';
import { unlessAborted } from '../lib/unless-aborted.ts';

/** How long an equal request waits for the answer of the first one, which is still at work. */
const WAIT_MS = 5000;
/** The first one is at work in another process: it is looked so often whether it has ended. */
const LOOK_MS = 100;

/** A request that was sent with an `Idempotency-Key`. */
export interface KeyedRequest {
  readonly workspaceId: string;
  /** The client's, 1 to 255 characters. */
  readonly key: string;
  /** What is asked for, and with what: the same key must not come with another. */
  readonly operation: string;
  readonly input: unknown;
}

interface Deps {
  readonly orm: Orm;
  readonly transact: Transact;
}

/** The row of a request. */
interface Claimant {
  readonly workspaceId: string;
  readonly key: string;
  readonly fingerprint: Buffer;
}

/** A request that is at work in this process. */
interface UnderWay {
  readonly fingerprint: Buffer;
  readonly answer: Promise<unknown>;
}

/** Of each database: by workspace and key. */
const underWay = new WeakMap<Orm, Map<string, UnderWay>>();

/**
 * Does something once for all requests with the same key (draft-ietf-httpapi-idempotency-key-header): the answer is written in
 * the transaction of what was done, so neither is there without the other, and a request that comes again is given it. What
 * fails is not written: the same request may be sent again. `work` must do all its reading and writing through the deps it
 * is given, and nothing that a rollback would not undo; it may run more than once.
 *
 * Requests with the same key at the same time wait until the first one has ended, without a connection.
 *
 * @throws AppError `idempotency_mismatch` when the key came with another request, `idempotency_conflict` when the first one
 *   is still at work after some seconds; and what `work` throws.
 */
export async function runIdempotent<D extends Deps, T>(
  deps: D,
  request: KeyedRequest,
  work: (deps: D) => Promise<T>,
): Promise<T> {
  const running = underWay.get(deps.orm) ?? new Map<string, UnderWay>();
  underWay.set(deps.orm, running);
  const name = `${request.workspaceId} ${request.key}`;
  const fingerprint = sha256(JSON.stringify([request.operation, request.input]));
  const deadline = AbortSignal.timeout(WAIT_MS);
  for (let first = running.get(name); first; first = running.get(name)) {
    const ended = first.answer.then(
      (answer) => ({ answer: answer as T }),
      () => undefined,
    );
    const done = await waitFor(ended, deadline);
    // What failed is tried again; that it was another request is told by what it wrote.
    if (done && first.fingerprint.equals(fingerprint)) return done.answer;
  }
  const claimant = { workspaceId: request.workspaceId, key: request.key, fingerprint };
  const answer = tryUntilDone(deps, claimant, { work, deadline });
  running.set(name, { fingerprint, answer });
  return answer.finally(() => running.delete(name));
}

/** Waits for something until the deadline. Throws `idempotency_conflict` then. */
async function waitFor<R>(something: Promise<R>, deadline: AbortSignal): Promise<R> {
  try {
    return await unlessAborted(something, deadline);
  } catch (error) {
    if (deadline.aborted && error === deadline.reason) throw new AppError('idempotency_conflict');
    throw error;
  }
}

/** Does the work, or waits while another process is at it. */
async function tryUntilDone<D extends Deps, T>(
  deps: D,
  claimant: Claimant,
  { work, deadline }: { work: (deps: D) => Promise<T>; deadline: AbortSignal },
): Promise<T> {
  for (;;) {
    const done = await tryOnce(deps, claimant, work);
    if (done) return done.answer;
    await waitFor(sleep(LOOK_MS), deadline);
  }
}

/** Does the work, or finds the answer that it had; undefined while another process is at it. */
async function tryOnce<D extends Deps, T>(
  deps: D,
  { workspaceId, key, fingerprint }: Claimant,
  work: (deps: D) => Promise<T>,
): Promise<{ readonly answer: T } | undefined> {
  return deps.transact(async (tx) => {
    if (await claimKey(tx, { workspaceId, key, fingerprint })) {
      const answer = await work(withinTransaction(deps, tx));
      await keepAnswer(tx, { workspaceId, key, answer: JSON.stringify(superjson.serialize(answer)) });
      return { answer };
    }
    const [first] = await findAnswer(tx, { workspaceId, key });
    if (!first) return undefined;
    if (!first.fingerprint.equals(fingerprint)) throw new AppError('idempotency_mismatch');
    return { answer: superjson.deserialize<T>(first.answer) };
  });
}

/** True for the first one; false, at once, when there is or was another one with this key. */
async function claimKey(tx: Tx, claimant: Claimant): Promise<boolean> {
  try {
    return (await insertKey(tx, { ...claimant })).length > 0;
  } catch (error) {
    // The workspace was deleted since its token was looked up.
    if (isForeignKeyViolation(error)) throw new AppError('unauthorized', { cause: error });
    throw error;
  }
}

const value = sql.placeholder;

/** Without the lock it would wait, on its connection, for the end of another one's transaction that has inserted the row. */
const insertKey = prepareSql(
  'insert_idempotency_key',
  sql`
    insert into cta.idempotency_keys (workspace_id, key, fingerprint)
    select ${value('workspaceId')}::uuid, ${value('key')}::text, ${value('fingerprint')}::bytea
    where pg_try_advisory_xact_lock(hashtextextended(${value('workspaceId')}::text || ' ' || ${value('key')}::text, 0))
    on conflict do nothing returning key`,
);

const keepAnswer = prepareSql(
  'keep_idempotent_answer',
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
