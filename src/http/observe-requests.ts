import type { FastifyInstance } from 'fastify';
import type { Log } from '../lib/log.ts';
import type { Meter } from '../lib/meter.ts';
import { isHealthRequest } from './health.ts';
import { nameRoute } from './name-route.ts';

/** Counts each request, and writes a line of it, when its answer is sent or its connection lost. */
export function observeRequests(app: FastifyInstance, { log, meter }: { log: Log; meter: Meter }): void {
  app.addHook('onRequest', async (request, reply) => {
    if (isHealthRequest(request)) return;
    // Also when the client hangs up in the middle, as those who watch a batch do.
    reply.raw.once('close', () => {
      const { id: requestId, method } = request;
      const { statusCode: status, elapsedTime } = reply;
      const route = nameRoute(request);
      const isStream = String(reply.getHeader('content-type')).startsWith('text/event-stream');
      if (!isStream) meter.countRequest({ method, route, status, seconds: elapsedTime / 1000 });
      log.debug({ requestId, method, route, status, ms: Math.round(elapsedTime) }, 'request');
    });
  });
}
