import type { FastifyRequest } from 'fastify';
import { isId } from '../lib/ids.ts';

/** The batch and the preview that a request is about, for its log message. */
export interface Subjects {
  readonly batchId?: string;
  readonly previewId?: string;
}

const subjects = new WeakMap<FastifyRequest, Subjects>();

/**
 * Records the subject of an operation. `area` is the first part of its path, such as `batch` or
 * `previews`; `names` is its input or output. If a request has several calls, the last one counts.
 */
export function recordSubjects(request: FastifyRequest, area: string, names: unknown): void {
  if (names === null || typeof names !== 'object') return;
  const { id, bulkTaskId } = names as { id?: unknown; bulkTaskId?: unknown };
  const batchId = pickId(area === 'batch' ? id : bulkTaskId);
  const previewId = pickId(area === 'previews' ? id : undefined);
  if (batchId === undefined && previewId === undefined) return;
  subjects.set(request, {
    ...subjects.get(request),
    ...(batchId === undefined ? {} : { batchId }),
    ...(previewId === undefined ? {} : { previewId }),
  });
}

/** Returns the recorded subject. */
export function subjectsOf(request: FastifyRequest): Subjects {
  return subjects.get(request) ?? {};
}

/** Drops any text that is not a valid id, so that arbitrary input does not reach the log. */
function pickId(value: unknown): string | undefined {
  return typeof value === 'string' && isId(value) ? value : undefined;
}
