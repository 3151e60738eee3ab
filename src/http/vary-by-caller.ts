import type { FastifyInstance } from 'fastify';
import { addVary } from './add-vary.ts';

/**
 * `Cache-Control` of responses that no cache may store, because they depend on the caller or on the
 * time. The default of every response; a route may set another value.
 */
export const NO_STORE = 'private, no-store';
/** The same for an event stream, which a proxy must not buffer or compress either. */
export const NO_STORE_STREAM = 'private, no-store, no-transform';

/**
 * Tells caches that every response of a scope depends on `Authorization`. An operator can make a
 * cache store responses in spite of `no-store`.
 */
export function varyByCaller(app: FastifyInstance): void {
  app.addHook('onSend', async (_request, reply, payload) => {
    addVary(reply, 'Authorization');
    // tRPC answers with a `Response`, whose headers replace those of the reply.
    if (payload instanceof Response) {
      const { headers } = payload;
      for (const field of String(reply.getHeader('vary')).split(',')) addVary(headers, field.trim());
      const isStream = headers.get('content-type')?.startsWith('text/event-stream');
      headers.set('cache-control', isStream ? NO_STORE_STREAM : NO_STORE);
    }
    return payload;
  });
}
