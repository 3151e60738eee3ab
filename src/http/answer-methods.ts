import type { FastifyInstance, FastifyRequest } from 'fastify';
import { AppError } from '../lib/app-error.ts';
import { createListMethods } from './list-methods.ts';
import type { ProblemOptions } from './problem.ts';
import { sendProblem } from './problem.ts';

/**
 * Answers methods that a path does not have with 405 and `Allow`, `OPTIONS` with 204 and `Allow` (RFC 9110, 9.3.7), and paths that do not
 * exist with 404. The caller must call it before the first route and before CORS, which answers preflights.
 */
export function answerMethods(
  app: FastifyInstance,
  problems: ProblemOptions,
  { hasCors }: { hasCors: boolean },
): void {
  const listMethods = createListMethods(app);
  app.addHook('onRequest', async (request, reply) => {
    if (request.method !== 'OPTIONS' || (hasCors && isPreflight(request))) return;
    const methods = listMethods(pathOf(request));
    if (!methods) throw new AppError('not_found');
    return reply.code(204).header('allow', methods.join(', ')).send();
  });
  app.setNotFoundHandler((request, reply) => {
    const methods = listMethods(pathOf(request));
    if (!methods || methods.includes(request.method)) {
      return sendProblem(problems, new AppError('not_found'), request, reply);
    }
    reply.header('allow', methods.join(', '));
    return sendProblem(problems, new AppError('method_not_allowed'), request, reply);
  });
}

function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0] ?? '';
}

/** The Fetch Standard's: a browser asks whether it may send what it names. */
function isPreflight({ headers }: FastifyRequest): boolean {
  return headers.origin !== undefined && headers['access-control-request-method'] !== undefined;
}
