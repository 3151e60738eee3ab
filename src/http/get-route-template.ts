import type { FastifyRequest } from 'fastify';
import { isProcedure, TRPC_ROUTE } from './register-trpc.ts';

/**
 * Returns the template of a request's route, or `unmatched`. It is one of few values and contains
 * nothing from the request. For a single tRPC call, it contains the name of the procedure.
 */
export function getRouteTemplate({ routeOptions, params }: FastifyRequest): string {
  const { url } = routeOptions;
  if (url === undefined) return 'unmatched';
  if (url !== TRPC_ROUTE) return url;
  const { path = '' } = params as { path?: string };
  return isProcedure(path) ? `/trpc/${path}` : url;
}
