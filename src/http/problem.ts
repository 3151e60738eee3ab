import { STATUS_CODES } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError, describeError } from '../lib/app-error.ts';
import type { Log } from '../lib/log.ts';
import { getBaseUrl } from './base-url.ts';
import { drainRequest } from './drain-request.ts';
import { toRequestError } from './errors.ts';
import { errorAddress } from './errors-page.ts';
import { getRouteTemplate } from './get-route-template.ts';
import { NO_STORE } from './vary-by-caller.ts';

export interface ProblemOptions {
  readonly log: Log;
  readonly publicUrl: string | undefined;
}

/**
 * Sends any error as `application/problem+json` (RFC 9457): `type` (a URL on the page of errors),
 * `title`, `status`, `detail`, `code`, and `errors` for an invalid input. A server error is logged
 * with its cause; the response does not contain the cause.
 */
export async function sendProblem(
  { log, publicUrl }: ProblemOptions,
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const problem = await prepareProblem(log, error, request, reply);
  const { httpStatus: status } = describeError(problem.code);
  const errors = problem.errors.map(({ path, message }) => ({ path: path.join('.'), message }));
  return reply
    .code(status)
    .type('application/problem+json')
    .send({
      type: errorAddress(getBaseUrl(request, publicUrl), problem.code),
      title: STATUS_CODES[status] ?? 'Error',
      status,
      detail: problem.message,
      code: problem.code,
      request_id: request.id,
      ...(errors.length > 0 ? { errors } : {}),
    });
}

/**
 * Does what both APIs need before they send an error: converts it to an `AppError`, logs server
 * errors, and makes sure that the client can read the response.
 */
export async function prepareProblem(
  log: Log,
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<AppError> {
  const { raw, method, id: requestId } = request;
  // The client disconnected while it sent its body: this is not an error to log, and no one reads
  // the response.
  if (raw.destroyed && !raw.complete) return new AppError('invalid_json', { cause: error });
  const problem = toRequestError(error);
  const { httpStatus } = describeError(problem.code);
  if (httpStatus >= 500) {
    // The template, not the URL: some URLs contain secret keys.
    log.error({ err: error, requestId, route: getRouteTemplate(request), method }, 'request failed');
  }
  // The route may have set these headers for the response that failed.
  reply.header('cache-control', NO_STORE).removeHeader('etag').removeHeader('content-encoding');
  if (httpStatus === 401) reply.header('www-authenticate', 'Bearer');
  if (problem.retryAfterMs !== undefined) {
    reply.header('retry-after', String(Math.ceil(problem.retryAfterMs / 1000)));
  }
  // Fastify closes the connection if a body is too large; that is not needed.
  if (httpStatus === 413) reply.removeHeader('connection');
  await drainRequest(raw, reply.raw);
  return problem;
}
