import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';
import fresh from 'fresh';
import { addVary } from './add-vary.ts';
import { chooseEncoding, type Encoding } from './choose-encoding.ts';

/**
 * An answer that is the same for everybody: its bytes are kept once, however many read them at the
 * same time.
 */
export interface PreparedAnswer {
  readonly bytes: Buffer;
  readonly contentType: string;
  /** Of `bytes`; each compressed form has a tag of its own (RFC 9110, 8.8.3.3). */
  readonly tag: string;
  /** Makes a compressed form with the first request for it. Undefined if it is no smaller. */
  compress(encoding: Encoding): Promise<Buffer | undefined>;
}

const COMPRESS: Record<Encoding, (bytes: Buffer) => Promise<Buffer>> = {
  // The 4.9 MB of /docs take 0.2 s and become 1.2 MB; with the highest quality 8 s and 1.1 MB.
  br: (bytes) => promisify(brotliCompress)(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } }),
  gzip: (bytes) => promisify(gzip)(bytes),
};

/** Keeps an answer for everybody. `contentType` is as its header has it. */
export function prepareAnswer(content: string | Buffer, contentType: string): PreparedAnswer {
  const bytes = Buffer.from(content);
  const compressed = new Map<Encoding, Promise<Buffer | undefined>>();
  return {
    bytes,
    contentType,
    tag: createHash('sha256').update(bytes).digest('base64url'),
    compress(encoding) {
      let made = compressed.get(encoding);
      if (!made) {
        made = COMPRESS[encoding](bytes).then((form) => (form.length < bytes.length ? form : undefined));
        compressed.set(encoding, made);
        // The next request tries again.
        made.catch(() => compressed.delete(encoding));
      }
      return made;
    },
  };
}

/** Sends a prepared answer in the form that the client prefers, or 304 if it has that. */
export async function sendPrepared(
  request: FastifyRequest,
  reply: FastifyReply,
  answer: PreparedAnswer,
): Promise<FastifyReply> {
  const encoding = chooseEncoding(request.headers['accept-encoding']?.toString());
  const form = encoding && (await answer.compress(encoding));
  const etag = form ? `"${answer.tag}-${encoding}"` : `"${answer.tag}"`;
  reply.header('etag', etag);
  addVary(reply, 'Accept-Encoding');
  if (fresh(request.headers, { etag })) return reply.code(304).send();
  if (form) reply.header('content-encoding', encoding);
  return reply.type(answer.contentType).send(form ?? answer.bytes);
}
