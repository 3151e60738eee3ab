import { sql } from 'drizzle-orm';
import type { Transact } from '../db/client.ts';
import { prepareSql } from '../db/prepare-sql.ts';
import { AppError, type FieldError } from '../lib/app-error.ts';
import { isForeignKeyViolation } from '../lib/database-error.ts';
import { createId } from '../lib/ids.ts';
import { pipelined } from '../lib/pipelined.ts';
import type { Queue } from '../queue/queue.ts';
import { enqueueSources } from '../sources/enqueue-sources.ts';
import { assignSourceTags } from '../sources/source-start-tags.ts';
import type { Batch, NewBatch } from './batch.ts';
import { getBatch } from './get-batch.ts';

/** The limits of one request. */
export interface BatchLimits {
  readonly maxSources: number;
  readonly maxBatchSize: number;
}

/**
 * Creates a batch. Its sources, all previews and the jobs are written in one transaction, so
 * nothing is lost if the process ends right after the response. The jobs of the sources are
 * enqueued beside `batch.start`, which saves a step. Throws `validation` if the request exceeds the
 * limits.
 */
export async function createBatch(
  deps: { transact: Transact; queue: Queue; limits: BatchLimits },
  options: { workspaceId: string; batch: NewBatch },
): Promise<Batch> {
  const { workspaceId } = options;
  const submission = options.batch;
  checkLimits(submission, deps.limits);
  const batchId = createId();
  const taskId = createId();
  const sourceRows = submission.sources.map((source, position) => ({
    id: createId(),
    position,
    // As UTF-8 would encode it: JSON escapes a lone surrogate, and jsonb rejects that.
    url: source.url.toWellFormed(),
    batchSize: source.batchSize,
    locale: source.locale ?? null,
    tone: source.tone ?? null,
    given: source.product ?? null,
  }));
  // Ids sort in the order of their creation: lists rely on previews being made by source and
  // position.
  const previewRows = sourceRows.flatMap((source) =>
    Array.from({ length: source.batchSize }, (_, position) => ({
      id: createId(),
      sourceId: source.id,
      position,
    })),
  );
  const rows = {
    id: batchId,
    workspaceId,
    taskId,
    name: submission.name ?? null,
    sources: JSON.stringify(sourceRows),
    previews: JSON.stringify(previewRows),
  };
  try {
    return await deps.transact(async (tx) => {
      const [, , tags] = await pipelined(
        () => insertRows(tx, rows),
        // No NOTIFY here: the claim of the first source also marks the batch as started, and
        // `enqueueSources` below notifies the workers.
        () =>
          deps.queue.enqueue(tx, 'batch.start', [{ id: taskId, payload: { batchId } }], { quietly: true }),
        () => assignSourceTags(tx, { workspaceId, batchId }),
      );
      const [, batch] = await pipelined(
        () => enqueueSources(deps, tx, { workspaceId, batchId, tags }),
        () => getBatch({ orm: tx }, { workspaceId, id: batchId }),
      );
      return batch;
    });
  } catch (error) {
    // The workspace was deleted after its token was looked up.
    if (isForeignKeyViolation(error)) throw new AppError('unauthorized', { cause: error });
    throw error;
  }
}

// All rows in one statement: each further statement would be a round trip.
const insertRows = prepareSql(
  'create_batch',
  sql`
    with batch as (
      insert into cta.batches (id, workspace_id, task_id, name)
      values (${sql.placeholder('id')}, ${sql.placeholder('workspaceId')}, ${sql.placeholder('taskId')},
        ${sql.placeholder('name')})
    ), source as (
      insert into cta.sources (id, workspace_id, batch_id, position, url, batch_size, locale, tone, given)
      select s.id, ${sql.placeholder('workspaceId')}::uuid, ${sql.placeholder('id')}::uuid, s.position, s.url, s."batchSize",
        s.locale, s.tone, s.given
      from jsonb_to_recordset(${sql.placeholder('sources')}::jsonb)
        as s (id uuid, position int, url text, "batchSize" int, locale text, tone text, given jsonb)
    )
    insert into cta.previews (id, workspace_id, batch_id, source_id, position)
    select p.id, ${sql.placeholder('workspaceId')}::uuid, ${sql.placeholder('id')}::uuid, p."sourceId", p.position
    from jsonb_to_recordset(${sql.placeholder('previews')}::jsonb)
      as p (id uuid, "sourceId" uuid, position int)`,
);

function checkLimits(batch: NewBatch, limits: BatchLimits): void {
  const errors: FieldError[] = [];
  if (batch.sources.length > limits.maxSources) {
    errors.push({ path: ['sources'], message: `must have at most ${limits.maxSources} sources` });
  }
  for (const [i, source] of batch.sources.entries()) {
    if (source.batchSize > limits.maxBatchSize) {
      errors.push({ path: ['sources', i, 'batchSize'], message: `must be at most ${limits.maxBatchSize}` });
    }
  }
  if (errors.length > 0) throw new AppError('validation', { errors });
}
