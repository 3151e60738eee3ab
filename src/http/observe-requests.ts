import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Log } from '../lib/log.ts';
import { type Meter, noMeter } from '../lib/meter.ts';
import { noTracing, type Span, type Tracing } from '../lib/tracing.ts';
import { getRouteTemplate } from './get-route-template.ts';
import { isHealthRequest } from './health.ts';
import { subjectsOf } from './record-subjects.ts';

interface Observers {
  readonly log: Log;
  readonly meter: Meter;
  readonly tracing: Tracing;
}

/**
 * Counts, traces and logs each request when its response is sent or its connection is lost. Work
 * for the request runs in its span, which continues an incoming `traceparent`. Costs nothing if
 * metrics, traces and the debug log are off.
 */
export function observeRequests(app: FastifyInstance, observers: Observers): void {
  const spans = new WeakMap<FastifyRequest, Span>();
  if (observers.tracing !== noTracing) traceRequests(app, observers.tracing, spans);
  else if (observers.meter === noMeter && !observers.log.isLevelEnabled('debug')) return;
  app.addHook('onRequest', (request, reply, done) => {
    // Also covers clients that disconnect early, as watchers of a batch do.
    if (!isHealthRequest(request)) {
      const startedAt = performance.now();
      const measure = () => performance.now() - startedAt;
      reply.raw.once('close', () =>
        recordRequest(observers, { span: spans.get(request), ms: measure() }, request, reply),
      );
    }
    done();
  });
}

function traceRequests(app: FastifyInstance, tracing: Tracing, spans: WeakMap<FastifyRequest, Span>): void {
  app.addHook('onRequest', (request, _reply, done) => {
    if (isHealthRequest(request)) return done();
    const { traceparent } = request.headers;
    const span = tracing.start(`${request.method} ${getRouteTemplate(request)}`, {
      kind: 'server',
      ...(typeof traceparent === 'string' ? { traceparent } : {}),
    });
    spans.set(request, span);
    span.within(done);
  });
  // The body arrives in events of the connection, which run outside the request's span, so the span
  // is entered again.
  app.addHook('preValidation', (request, _reply, done) => {
    const span = spans.get(request);
    if (span) span.within(done);
    else done();
  });
}

/** The code that nginx uses for a client that disconnected before the response. */
const CLIENT_CLOSED_REQUEST = 499;

function recordRequest(
  { log, meter }: Observers,
  { span, ms }: { span: Span | undefined; ms: number },
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const { id: requestId, method } = request;
  const status = reply.raw.headersSent ? reply.statusCode : CLIENT_CLOSED_REQUEST;
  const route = getRouteTemplate(request);
  const subjects = subjectsOf(request);
  const isStream = String(reply.getHeader('content-type')).startsWith('text/event-stream');
  if (!isStream) meter.countRequest({ method, route, status, seconds: ms / 1000 });
  span?.set({
    'http.request.method': method,
    'http.route': route,
    'http.response.status_code': status,
    'cta.request_id': requestId,
    'cta.batch_id': subjects.batchId,
    'cta.preview_id': subjects.previewId,
  });
  span?.end(status >= 500 ? String(status) : undefined);
  const traced = span?.traceId === undefined ? {} : { traceId: span.traceId };
  log.debug({ requestId, ...subjects, method, route, status, ms: Math.round(ms), ...traced }, 'request');
}
