import type { FastifyRequest } from 'fastify';
import { z } from 'zod';

/** What a request is about, for its line in the log. */
export interface Subjects {
  readonly batchId?: string;
  readonly previewId?: string;
}

const subjects = new WeakMap<FastifyRequest, Subjects>();

/** Ids of ours are told; a text of any kind that stands in their place is not. */
const id = z.uuid().optional().catch(undefined);
const namesSchema = z.object({ id, bulkTaskId: id, batchId: id });

/**
 * Notes what an operation was about: `area` is `batch` or `previews`, as in its path; `names` what it was asked with, or what it answered.
 * Several calls in one request are about the last one's.
 */
export function noteSubjects(request: FastifyRequest, area: string, names: unknown): void {
  const parsed = namesSchema.safeParse(names);
  if (!parsed.success) return;
  const { data } = parsed;
  const batchId = area === 'batch' ? data.id : (data.bulkTaskId ?? data.batchId);
  const previewId = area === 'previews' ? data.id : undefined;
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
