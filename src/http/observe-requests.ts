import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Log } from '../lib/log.ts';
import { type Meter, noMeter } from '../lib/meter.ts';
import { noTracing, type Span, type Tracing } from '../lib/tracing.ts';
import { getRouteTemplate } from './get-route-template.ts';
import { isHealthRequest } from './health.ts';
import { subjectsOf } from './record-subjects.ts';

/** Who hears of it. */
interface Observers {
  readonly log: Log;
  readonly meter: Meter;
  readonly tracing: Tracing;
}

/**
 * Counts and traces each request, and writes a line of it, when its answer is sent or its connection lost. What it leads to runs
 * in its span; a `traceparent` that it came with is gone on with. Costs nothing if nobody wants to know.
 */
export function observeRequests(app: FastifyInstance, observers: Observers): void {
  const spans = new WeakMap<FastifyRequest, Span>();
  if (observers.tracing !== noTracing) traceRequests(app, observers.tracing, spans);
  else if (observers.meter === noMeter && !observers.log.isLevelEnabled('debug')) return;
  app.addHook('onRequest', (request, reply, done) => {
    // Also when the client hangs up in the middle, as those who watch a batch do.
    if (!isHealthRequest(request)) {
      const startedAt = performance.now();
      const measure = () => performance.now() - startedAt;
      reply.raw.once('close', () =>
        note(observers, { span: spans.get(request), ms: measure() }, request, reply),
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
  // A body is read by the events of its connection, which are of no request.
  app.addHook('preValidation', (request, _reply, done) => {
    const span = spans.get(request);
    if (span) span.within(done);
    else done();
  });
}

/** nginx's, for a client that was gone before it had an answer. */
const CLIENT_CLOSED_REQUEST = 499;

function note(
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
