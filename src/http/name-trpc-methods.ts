import type { FastifyInstance } from 'fastify';

/**
 * Names the method of a procedure that was called with the other one: queries and streams take GET,
 * mutations POST.
 */
export function nameTrpcMethods(app: FastifyInstance): void {
  app.addHook('onSend', async ({ method }, _reply, payload) => {
    if (payload instanceof Response && payload.status === 405) {
      payload.headers.set('allow', method === 'GET' ? 'POST' : 'GET');
    }
    return payload;
  });
}
