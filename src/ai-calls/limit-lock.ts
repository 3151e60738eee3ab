import { sql } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import { prepareSql } from '../db/prepare-sql.ts';

declare const isLocked: unique symbol;

/**
 * A transaction that holds the lock of the limit until it ends. Functions that decide from the
 * slots that are free take one, so that a call without the lock does not compile.
 */
export type LimitLock = Tx & { readonly [isLocked]: true };

const lockRows = prepareSql<{ is_failing: boolean }>(
  'lock_limits',
  sql`select failing_since is not null as is_failing from cta.call_limits order by kind for update`,
);

/** Locks the limit until the transaction ends. `isFailing`: whether any breaker is open. */
export async function lockLimit(tx: Tx): Promise<{ lock: LimitLock; isFailing: boolean }> {
  const rows = await lockRows(tx, {});
  return { lock: tx as LimitLock, isFailing: rows.some((row) => row.is_failing) };
}
