import type { FastifyRequest } from 'fastify';
import { isId } from '../lib/ids.ts';

/** What a request is about, for its line in the log. */
export interface Subjects {
  readonly batchId?: string;
  readonly previewId?: string;
}

const subjects = new WeakMap<FastifyRequest, Subjects>();

/**
 * Notes what an operation was about: `area` is `batch` or `previews`, as in its path; `names` what it was asked with, or what it answered.
 * Several calls in one request are about the last one's.
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

/** What was noted so far. */
export function subjectsOf(request: FastifyRequest): Subjects {
  return subjects.get(request) ?? {};
}

/** A text of any kind that stands in the place of an id is not told. */
function pickId(value: unknown): string | undefined {
  return typeof value === 'string' && isId(value) ? value : undefined;
}
