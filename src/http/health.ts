import type { FastifyInstance, FastifyRequest } from 'fastify';
import { answerHealth, type Health } from '../lib/health.ts';

/** Where load balancers and orchestrators ask. Asking is no request that is counted, traced or logged. */
const HEALTH_PATHS = ['/livez', '/readyz'] as const;

/** Whether somebody only asks how the program is. */
export function isHealthRequest({ routeOptions: { url } }: FastifyRequest): boolean {
  return HEALTH_PATHS.some((path) => path === url);
}

/** `GET /livez`: the process answers. `GET /readyz`: it can do its work; 503 with which check failed if not. For anyone. */
export function registerHealth(app: FastifyInstance, health: Health): void {
  for (const path of HEALTH_PATHS) {
    app.get(path, async (_request, reply) => {
      const { status, body } = await answerHealth(health, path);
      return reply.code(status).header('cache-control', 'no-store').send(body);
    });
  }
}
