import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import fresh from 'fresh';
import { AppError } from '../lib/app-error.ts';

/**
 * Adds an `ETag`, a hash of the body, to responses to GET, and sends 304 if the client has that
 * version already (RFC 9110, 13.1.2). If the handler has set a version as the tag, the hash is
 * appended: `"7"` becomes `"7-…"`. `If-Match` uses only the version.
 */
export function addEntityTags(app: FastifyInstance): void {
  app.addHook('onSend', async (request, reply, payload) => {
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    if (!isRead || reply.statusCode !== 200 || typeof payload !== 'string') return payload;
    const version = /^"(\d+)"$/.exec(String(reply.getHeader('etag') ?? ''))?.[1];
    const hash = createHash('sha1').update(payload).digest('base64url');
    const etag = `"${version === undefined ? '' : `${version}-`}${hash}"`;
    reply.header('etag', etag);
    // A client may cache it but must revalidate each time: data change without requests.
    reply.header('cache-control', 'private, no-cache');
    if (!fresh(request.headers, { etag })) return payload;
    reply.code(304);
    return null;
  });
}

/**
 * Returns the versions in an `If-Match` header; undefined without the header or for `*`. Throws
 * `precondition_failed` if no tag has our format, because such tags match nothing.
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
