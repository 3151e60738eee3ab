import type { FastifyInstance } from 'fastify';

/**
 * Adds `Allow` to the 405 of a procedure that was called with the wrong method: queries and streams
 * take GET, mutations POST.
 */
export function nameTrpcMethods(app: FastifyInstance): void {
  app.addHook('onSend', async ({ method }, _reply, payload) => {
    if (payload instanceof Response && payload.status === 405) {
      payload.headers.set('allow', method === 'GET' ? 'POST' : 'GET');
    }
    return payload;
  });
}
