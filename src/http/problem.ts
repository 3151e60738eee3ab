import { STATUS_CODES } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { describeError } from '../lib/app-error.ts';
import type { Log } from '../lib/log.ts';
import { toRequestError } from './errors.ts';

/**
 * Answers any error as `application/problem+json` (RFC 9457): `type`, `title`, `status`, `detail`, `code`, and
 * `errors` for a wrong input. What is our fault is logged with its cause and told without it.
 */
export function sendProblem(
  log: Log,
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const problem = toRequestError(error);
  const status = describeError(problem.code).httpStatus;
  if (status >= 500) log.error({ err: error, url: request.url, method: request.method }, 'a request failed');
  if (status === 401) reply.header('www-authenticate', 'Bearer');
  // Fastify asks for the connection to be closed when a body is too large. Closing it while the client still sends
  // would reset it, and the client would not see this answer: the rest of the body is read and thrown away instead.
  if (status === 413) reply.removeHeader('connection');
  return reply
    .code(status)
    .type('application/problem+json')
    .send({
      type: `urn:cta-batch:error:${problem.code}`,
      title: STATUS_CODES[status] ?? 'Error',
      status,
      detail: problem.message,
      code: problem.code,
      ...(problem.errors.length > 0
        ? { errors: problem.errors.map(({ path, message }) => ({ path: path.join('.'), message })) }
        : {}),
    });
}
