import type { FastifyInstance, FastifyRequest } from 'fastify';
import { AppError } from '../lib/app-error.ts';
import { createListMethods } from './list-methods.ts';

/**
 * Answers methods that a path does not support with 405 and `Allow` before the body is read, and
 * `OPTIONS` with 204 and `Allow` (RFC 9110, 9.3.7). The caller must call it before the first route
 * and before CORS, which answers preflights.
 */
export function handleOtherMethods(app: FastifyInstance, { hasCors }: { hasCors: boolean }): void {
  const listMethods = createListMethods(app);
  app.addHook('onRequest', async (request, reply) => {
    if (request.method === 'OPTIONS') {
      if (hasCors && isPreflight(request)) return;
      const methods = listMethods(pathOf(request));
      if (!methods) throw new AppError('not_found');
      return reply.code(204).header('allow', methods.join(', ')).send();
    }
    const methods = request.is404 ? listMethods(pathOf(request)) : undefined;
    if (!methods || methods.includes(request.method)) return;
    reply.header('allow', methods.join(', '));
    throw new AppError('method_not_allowed');
  });
}

function pathOf({ url }: FastifyRequest): string {
  return url.split('?', 1)[0] ?? '';
}

/** Returns whether it is a CORS preflight, as the Fetch Standard defines it. */
function isPreflight({ headers }: FastifyRequest): boolean {
  return headers.origin !== undefined && headers['access-control-request-method'] !== undefined;
}
