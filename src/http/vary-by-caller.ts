import type { FastifyInstance } from 'fastify';
import { addVary } from './add-vary.ts';

/**
 * Of an answer that nobody may keep: it depends on the caller or on the moment. Every answer has it
 * unless its route says otherwise.
 */
export const NO_STORE = 'private, no-store';
/** The same for a stream of events, which a proxy must not gather or compress either. */
export const NO_STORE_STREAM = 'private, no-store, no-transform';

/**
 * Tells caches that what a scope answers depends on `Authorization`: some keep what they are asked
 * to keep by their operator only.
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
