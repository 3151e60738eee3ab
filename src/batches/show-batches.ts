import { addUsage } from '../ai-calls/usage.ts';
import { batches, sources } from '../db/schema/batches.ts';
import { AppError, type ErrorCode, isErrorCode } from '../lib/app-error.ts';
import { type Failure, PREVIEW_STATUSES } from '../previews/preview.ts';
import { showFailure } from '../previews/show-preview.ts';
import { type Batch, type BatchStatus, deriveStatus, type Progress, type SourceStatus } from './batch.ts';
import type { PreviewCounts } from './count-previews.ts';

/** The columns of a batch. */
export const batchColumns = {
  id: batches.id,
  taskId: batches.taskId,
  name: batches.name,
  cancelRequestedAt: batches.cancelRequestedAt,
  startedAt: batches.startedAt,
  finishedAt: batches.finishedAt,
  createdAt: batches.createdAt,
};

/** The columns of a source within its batch. */
export const sourceColumns = {
  id: sources.id,
  url: sources.url,
  batchSize: sources.batchSize,
  locale: sources.locale,
  tone: sources.tone,
  status: sources.status,
  productId: sources.productId,
  errorCode: sources.errorCode,
  errorMessage: sources.errorMessage,
};

/**
 * A row of the read queries: a batch, one of its sources, and the counts of that source's previews.
 */
export interface BatchRow {
  readonly batch: Omit<Batch, 'status' | 'progress' | 'sources' | 'error' | 'usage'> & {
    cancelRequestedAt: Date | null;
  };
  readonly source: {
    readonly id: string;
    readonly url: string;
    readonly batchSize: number;
    readonly locale: string | null;
    readonly tone: string | null;
    readonly status: string;
    readonly productId: string | null;
    readonly errorCode: string | null;
    readonly errorMessage: string | null;
  };
  readonly counts: PreviewCounts | null;
}

/**
 * Builds batches from the rows of one query. The rows of a batch must be adjacent, in the order of
 * its sources.
 */
export function showBatches(rows: readonly BatchRow[]): Batch[] {
  const groups = new Map<string, BatchRow[]>();
  for (const row of rows) {
    const group = groups.get(row.batch.id);
    if (group) group.push(row);
    else groups.set(row.batch.id, [row]);
  }
  return [...groups.values()].map(showBatch);
}

function showBatch(rows: readonly BatchRow[]): Batch {
  const [first] = rows;
  if (!first) throw new Error('a batch has at least one source');
  const shown = rows.map(({ source, counts }) => ({
    id: source.id,
    url: source.url,
    batchSize: source.batchSize,
    locale: source.locale,
    tone: source.tone,
    status: source.status as SourceStatus,
    productId: source.productId,
    error: showFailure(source),
    progress: toProgress(counts?.statuses ?? {}),
  }));
  const progress = addUp(shown.map((source) => source.progress));
  const { cancelRequestedAt, ...batch } = first.batch;
  const status = deriveStatus({ progress, startedAt: batch.startedAt, cancelRequestedAt });
  const usage = addUsage(rows.flatMap(({ counts }) => counts?.usage ?? []));
  return {
    ...batch,
    status,
    progress,
    sources: shown,
    error: showBatchError(status, {
      progress,
      shown,
      failures: rows.flatMap(({ counts }) => counts?.failures ?? []),
    }),
    usage,
  };
}

function toProgress(counts: Readonly<Record<string, number>>): Progress {
  const progress: Progress = {
    total: 0,
    pending: 0,
    queued: 0,
    running: 0,
    done: 0,
    failed: 0,
    cancelled: 0,
  };
  for (const status of PREVIEW_STATUSES) {
    progress[status] = counts[status] ?? 0;
    progress.total += progress[status];
  }
  return progress;
}

function addUp(parts: readonly Progress[]): Progress {
  const sum = toProgress({});
  for (const part of parts) {
    for (const key of Object.keys(sum) as (keyof Progress)[]) sum[key] += part[key];
  }
  return sum;
}

/**
 * Returns why a batch failed: the error that all its sources share, or else that all previews
 * failed.
 */
function showBatchError(
  status: BatchStatus,
  {
    progress,
    shown,
    failures,
  }: { progress: Progress; shown: readonly { error: Failure | null }[]; failures: readonly string[] },
): Failure | null {
  if (status !== 'failed') return null;
  if (progress.total === 0) return failure('deleted');
  const codes = new Set(shown.map((source) => source.error?.code));
  const [code] = codes;
  if (codes.size === 1 && code !== undefined && isErrorCode(code)) return failure(code);
  const all = failure('all_failed');
  // A retry also restarts canceled previews.
  const retryable = progress.cancelled > 0 || failures.some((reason) => failureOf(reason)?.retryable);
  return all && { ...all, retryable };
}

function failureOf(errorCode: string): Failure | null {
  return showFailure({ errorCode, errorMessage: null });
}

function failure(code: ErrorCode): Failure | null {
  return showFailure({ errorCode: code, errorMessage: new AppError(code).message });
}
