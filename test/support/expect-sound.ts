import { sql } from 'drizzle-orm';
import { expect } from 'vitest';
import { type CallKind, createIdempotencyKey } from '../../src/ai-calls/ai-call.ts';
import type { ErrorCode } from '../../src/lib/app-error.ts';
import type { AiCall } from '../fakes/fake-ai.ts';
import { poll } from './poll.ts';
import type { Program } from './program.ts';
import type { TestDatabase } from './test-database.ts';

/** What a test with failures observed. */
export interface Observed {
  /** Every request that reached the AI service since the database was created. */
  readonly calls: readonly AiCall[];
  /** The programs that were not killed. */
  readonly alive: readonly Program[];
}

/** Failures of calls whose request never reached the provider. */
const NOT_SENT = ['ai_unreachable', 'slot_expired', 'deleted'] satisfies ErrorCode[];

/**
 * Expects that failures left no trace: no work is in progress, lost or done twice; counts are
 * correct; no stored answer was bought again; every request is in the ledger; the programs run.
 * Call this when all batches have ended.
 */
export async function expectSound(db: TestDatabase, { calls, alive }: Observed): Promise<void> {
  for (const { process, output } of alive) {
    expect([process.exitCode, process.signalCode], output().stderr).toEqual([null, null]);
  }
  await expectNothingRunning(db);
  await expectCounts(db);
  await expectAnswers(db);
  await expectLedger(db, calls);
}

/**
 * Polls: a failed preview does not wait for its other call, so that call may end a little later.
 */
async function expectNothingRunning(db: TestDatabase): Promise<void> {
  const open = () =>
    ask(
      db,
      sql`
      select 'a call' as what, id::text from cta.ai_calls where status = 'sent'
      union all select 'a page', id::text from cta.sources where status not in ('done', 'failed')
      union all select 'a preview', id::text from cta.previews where status not in ('done', 'failed', 'cancelled')
      union all select 'a batch', id::text from cta.batches where finished_at is null or started_at is null
      union all select 'a job', name || ' ' || id from cta_jobs.job where state = 'active'`,
    );
  await poll(open, (rows) => rows.length === 0, { timeoutMs: 60_000 });
}

async function expectCounts(db: TestDatabase): Promise<void> {
  const wrong = await ask(
    db,
    sql`
    select s.id, s.status, s.batch_size, count(p.id)::int as previews from cta.sources s
    left join cta.previews p on p.source_id = s.id
    group by s.id
    having count(p.id) <> s.batch_size
      or (s.status = 'failed' and count(p.id) filter (where p.status in ('failed', 'cancelled')) <> count(p.id))`,
  );
  expect(
    wrong,
    'sources with a wrong number of previews, or failed ones whose previews are not failed',
  ).toEqual([]);
  const miscounted = await ask(
    db,
    sql`
    select p.id, p.status, p.usage_calls, count(c.id)::int as calls from cta.previews p
    left join cta.ai_calls c on c.preview_id = p.id
    group by p.id
    having count(c.id) <> p.usage_calls`,
  );
  expect(miscounted, 'previews whose usage differs from the ledger').toEqual([]);
}

async function expectAnswers(db: TestDatabase): Promise<void> {
  const wrong = await ask(
    db,
    sql`
    select p.id, p.generated is not null as prefill, array_agg(c.kind) as answered from cta.previews p
    left join cta.ai_calls c on c.preview_id = p.id and c.generation = p.generation and c.status = 'answered'
    where p.status = 'done'
    group by p.id
    having p.generated is null or array_agg(c.kind order by c.kind) <> array['image', 'text']`,
  );
  expect(wrong, 'done previews that lack a prefill, or do not have one answer of each kind').toEqual([]);
}

async function expectLedger(db: TestDatabase, calls: readonly AiCall[]): Promise<void> {
  const steps = await ask<{
    preview_id: string;
    generation: number;
    kind: CallKind;
    left: number;
    superseded: number;
    answered: number;
    answered_at: number | null;
    claimed_late: number;
  }>(
    db,
    sql`
    select c.preview_id, c.generation, c.kind,
      count(*) filter (where coalesce(c.error_code, '') not in (${sql.join(
        NOT_SENT.map((code) => sql`${code}`),
        sql`, `,
      )}))::int as left,
      count(*) filter (where c.error_code = 'superseded')::int as superseded,
      count(*) filter (where c.status = 'answered')::int as answered,
      (extract(epoch from max(c.ended_at) filter (where c.status = 'answered')) * 1000)::float8 as answered_at,
      count(*) filter (where c.claimed_at > a.ended_at)::int as claimed_late
    from cta.ai_calls c
    left join cta.ai_calls a on a.preview_id = c.preview_id and a.generation = c.generation and a.kind = c.kind
      and a.status = 'answered'
    where c.preview_id is not null
    group by c.preview_id, c.generation, c.kind`,
  );
  const byKey = Map.groupBy(calls, (call) => call.idempotencyKey);
  for (const step of steps) {
    const { kind, generation, preview_id: previewId } = step;
    const key = createIdempotencyKey({ previewId, generation, kind });
    const sent = byKey.get(key) ?? [];
    byKey.delete(key);
    const about = `the ${kind} of ${previewId}: ${JSON.stringify({ step, sent: sent.map((call) => call.outcome) })}`;
    expect(sent.length, `more was sent than is on the ledger: ${about}`).toBeLessThanOrEqual(step.left);
    expect(step.claimed_late, `claimed though its answer was stored: ${about}`).toBe(0);
    if (step.answered === 0) continue;
    const isWhole = (call: AiCall) => call.outcome === 'answered' && call.status === 200;
    expect(sent.some(isWhole), `an answer that the provider did not send: ${about}`).toBe(true);
    // Calls that were already in progress when a worker that was taken for dead delivered the
    // answer end as superseded.
    const late = sent.filter((call) => call.wallAt > (step.answered_at ?? 0));
    expect(late.length, `bought after an answer was stored: ${about}`).toBeLessThanOrEqual(step.superseded);
  }
  expect([...byKey.keys()], 'sent without being on the ledger').toEqual([]);
}

async function ask<R extends Record<string, unknown>>(
  db: TestDatabase,
  query: ReturnType<typeof sql>,
): Promise<R[]> {
  return (await db.orm.execute<R>(query)).rows as R[];
}
