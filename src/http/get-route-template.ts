import type { FastifyRequest } from 'fastify';
import { isProcedure, TRPC_ROUTE } from './register-trpc.ts';

/**
 * The template of the route that a request came to, `unmatched` if it came to none: one of few values, in which there is nothing of
 * the request. A single call over tRPC has its procedure's name.
 */
export function getRouteTemplate({ routeOptions, params }: FastifyRequest): string {
  const { url } = routeOptions;
  if (url === undefined) return 'unmatched';
  if (url !== TRPC_ROUTE) return url;
  const { path = '' } = params as { path?: string };
  return isProcedure(path) ? `/trpc/${path}` : url;
}
