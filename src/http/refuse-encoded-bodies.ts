import type { FastifyInstance } from 'fastify';
import { AppError } from '../lib/app-error.ts';

/**
 * Refuses bodies with a content coding: 64 KB do not need one, and a small compressed body could
 * expand to a very large one. The answer names the accepted coding (RFC 9110, 15.5.16). Runs after
 * authentication, on routes that require it.
 */
export function refuseEncodedBodies(app: FastifyInstance): void {
  app.addHook('preParsing', async (request, reply, payload) => {
    const { 'content-encoding': coding = '', 'content-length': length } = request.headers;
    const hasBody = request.headers['transfer-encoding'] !== undefined || Number(length) > 0;
    if (!hasBody || /^\s*(identity)?\s*$/i.test(coding)) return payload;
    reply.header('accept-encoding', 'identity');
    // The error repeats only text that can be the name of a coding.
    const name = /^[\w.+-]{1,30}(, ?[\w.+-]{1,30}){0,3}$/.test(coding) ? ` "${coding}"` : '';
    throw new AppError('unsupported_media_type', {
      detail: `The body has the Content-Encoding${name}. Send it without one.`,
    });
  });
}
