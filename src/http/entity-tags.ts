import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import fresh from 'fresh';
import { AppError } from '../lib/app-error.ts';

/**
 * Gives what is read an `ETag` of its bytes, and answers 304 to who has it already (RFC 9110, 13.1.2). A handler that knows a
 * version puts that in front: `"7"` becomes `"7-…"`, and `If-Match` goes by it.
 */
export function addEntityTags(app: FastifyInstance): void {
  app.addHook('onSend', async (request, reply, payload) => {
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    if (!isRead || reply.statusCode !== 200 || typeof payload !== 'string') return payload;
    const version = /^"(\d+)"$/.exec(String(reply.getHeader('etag') ?? ''))?.[1];
    const hash = createHash('sha1').update(payload).digest('base64url');
    const etag = `"${version === undefined ? '' : `${version}-`}${hash}"`;
    reply.header('etag', etag);
    // Others may keep it, but must ask each time: it changes by itself.
    reply.header('cache-control', 'private, no-cache');
    if (!fresh(request.headers, { etag })) return payload;
    reply.code(304);
    return null;
  });
}

/**
 * The versions that an `If-Match` header names; undefined without one, or for `*`. Throws `precondition_failed` when none of
 * its tags is one of ours: they match nothing that there is.
 */
export function readIfMatch(header: string | undefined): number[] | undefined {
  if (header === undefined || header.trim() === '*') return undefined;
  // Weak tags never match here (RFC 9110, 13.1.1).
  const versions = [...header.matchAll(/(?<!W\/)"(\d{1,9})(?:-[\w-]*)?"/g)].map(([, version]) =>
    Number(version),
  );
  if (versions.length === 0) throw new AppError('precondition_failed');
  return versions;
}
