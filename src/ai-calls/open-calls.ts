import { sql } from 'drizzle-orm';
import { prepareSql } from '../db/prepare-sql.ts';
import { createId } from '../lib/ids.ts';
import type { CallKind } from './ai-call.ts';
import type { LimitLock } from './limit-lock.ts';

/** A call to make. */
export interface NewCall {
  readonly workspaceId: string;
  readonly previewId: string;
  readonly kind: CallKind;
  readonly generation: number;
  readonly round: number;
  readonly attempt: number;
  readonly counted: boolean;
  readonly probe: boolean;
}

/** The provider and model for each kind of call, as written to the ledger. */
export type CallProviders = Record<CallKind, { readonly provider: string; readonly model: string }>;

/**
 * Writes the ledger rows as `sent`, in the transaction that took their slots. Returns their ids, in
 * order.
 */
export async function openCalls(
  lock: LimitLock,
  newCalls: readonly NewCall[],
  worker: { workerId: string; providers: CallProviders },
): Promise<string[]> {
  if (newCalls.length === 0) return [];
  const rows = newCalls.map((newCall) => ({
    id: createId(),
    workspace_id: newCall.workspaceId,
    preview_id: newCall.previewId,
    kind: newCall.kind,
    generation: newCall.generation,
    round: newCall.round,
    attempt: newCall.attempt,
    counted: newCall.counted,
    probe: newCall.probe,
    ...worker.providers[newCall.kind],
  }));
  await insert(lock, { rows: JSON.stringify(rows), workerId: worker.workerId });
  return rows.map((row) => row.id);
}

// All rows are one value, so that one prepared statement serves any number of them.
const insert = prepareSql(
  'open_calls',
  sql`
    insert into cta.ai_calls (
      id, workspace_id, preview_id, kind, generation, round, attempt, counted, probe, provider, model, worker_id
    )
    select c.*, ${sql.placeholder('workerId')}::uuid
    from jsonb_to_recordset(${sql.placeholder('rows')}::jsonb) as c (
      id uuid, workspace_id uuid, preview_id uuid, kind text, generation int, round int, attempt int, counted boolean,
      probe boolean, provider text, model text
    )`,
);
