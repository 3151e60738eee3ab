import { sql } from 'drizzle-orm';
import superjson, { type SuperJSONResult } from 'superjson';
import { type Orm, type Transact, type Tx, withinTransaction } from '../db/client.ts';
import { prepareSql } from '../db/prepare-sql.ts';
import { AppError } from '../lib/app-error.ts';
import { isForeignKeyViolation, isLockTimeout } from '../lib/database-error.ts';
import { sha256 } from '../lib/ids.ts';
import { pipelined } from '../lib/pipelined.ts';

/** How long an equal request waits for the answer of the first one, which is still at work. */
const WAIT_MS = 5000;

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

/**
 * Does something once for all requests with the same key (draft-ietf-httpapi-idempotency-key-header): the answer is written in
 * the transaction of what was done, so neither is there without the other, and a request that comes again is given it. What
 * fails is not written: the same request may be sent again. `work` must do all its reading and writing through the deps it
 * is given, and nothing that a rollback would not undo; it may run more than once.
 *
 * Equal requests at the same time wait for the first one's answer.
 *
 * @throws AppError `idempotency_mismatch` when the key came with another request, `idempotency_conflict` when the first one
 *   is still at work after some seconds; and what `work` throws.
 */
export async function runOnce<D extends Deps, T>(
  deps: D,
  request: KeyedRequest,
  work: (deps: D) => Promise<T>,
): Promise<T> {
  const { workspaceId, key } = request;
  const fingerprint = sha256(JSON.stringify([request.operation, request.input]));
  return deps.transact(async (tx) => {
    if (await claimKey(tx, { workspaceId, key, fingerprint })) {
      const answer = await work(withinTransaction(deps, tx));
      await keepAnswer(tx, { workspaceId, key, answer: JSON.stringify(superjson.serialize(answer)) });
      return answer;
    }
    const [first] = await findAnswer(tx, { workspaceId, key });
    if (!first) throw new AppError('idempotency_conflict');
    if (!first.fingerprint.equals(fingerprint)) throw new AppError('idempotency_mismatch');
    return superjson.deserialize<T>(first.answer);
  });
}

/** True for the first one; waits while another one with this key is at work. */
async function claimKey(
  tx: Tx,
  row: { workspaceId: string; key: string; fingerprint: Buffer },
): Promise<boolean> {
  try {
    const [, claimed] = await pipelined(
      // Of this one statement: what comes after it may wait as long as anything else.
      () => tx.execute(sql.raw(`set local lock_timeout = ${WAIT_MS}`)),
      () => insertKey(tx, row),
      () => tx.execute(sql`set local lock_timeout = 0`),
    );
    return claimed.length > 0;
  } catch (error) {
    if (isLockTimeout(error)) throw new AppError('idempotency_conflict', { cause: error });
    // The workspace was deleted since its token was looked up.
    if (isForeignKeyViolation(error)) throw new AppError('unauthorized', { cause: error });
    throw error;
  }
}

const value = sql.placeholder;

const insertKey = prepareSql(
  'insert_idempotency_key',
  sql`
    insert into cta.idempotency_keys (workspace_id, key, fingerprint)
    values (${value('workspaceId')}, ${value('key')}, ${value('fingerprint')})
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
