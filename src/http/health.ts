import type { FastifyInstance, FastifyRequest } from 'fastify';
import { describeHealth, type Health } from '../lib/health.ts';

/**
 * The paths for load balancers and orchestrators. Their requests are not counted, traced or logged.
 */
const HEALTH_PATHS = ['/livez', '/readyz'] as const;

/** Returns whether the request is a health check. */
export function isHealthRequest({ routeOptions: { url } }: FastifyRequest): boolean {
  return HEALTH_PATHS.some((path) => path === url);
}

/**
 * Serves `GET /livez` (the process responds) and `GET /readyz` (it can do its work; otherwise 503
 * with the failed checks), for anyone.
 */
export function registerHealth(app: FastifyInstance, health: Health): void {
  for (const path of HEALTH_PATHS) {
    app.get(path, async (_request, reply) => {
      const { status, body } = await describeHealth(health, path);
      return reply.code(status).header('cache-control', 'no-store').send(body);
    });
  }
}
