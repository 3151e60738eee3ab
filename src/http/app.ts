import { STATUS_CODES } from 'node:http';
import cors from '@fastify/cors';
import { type FastifyInstance, fastify } from 'fastify';
import { AppError } from '../lib/app-error.ts';
import type { Rate } from '../lib/rate.ts';
import { registerAssets } from './assets.ts';
import { assignRequestId } from './assign-request-id.ts';
import { createAuthenticate } from './authenticate.ts';
import type { ApiDeps } from './context.ts';
import { registerCtaPage } from './cta-page.ts';
import { endStalledResponses, type StallOptions } from './end-stalled-responses.ts';
import { registerErrorsPage } from './errors-page.ts';
import { handleOtherMethods } from './handle-other-methods.ts';
import { registerHealth } from './health.ts';
import { limitPipelining } from './limit-pipelining.ts';
import { createLimitRequests } from './limit-requests.ts';
import { createLimitStreams, DEFAULT_STREAM_LIMITS, type StreamLimits } from './limit-streams.ts';
import { nameTrpcMethods } from './name-trpc-methods.ts';
import { observeRequests } from './observe-requests.ts';
import { registerDocs } from './openapi/register-docs.ts';
import { BODY_LIMIT, parseJsonBodies } from './parse-body.ts';
import { sendProblem } from './problem.ts';
import { refuseEncodedBodies } from './refuse-encoded-bodies.ts';
import { registerTrpc } from './register-trpc.ts';
import { registerRest } from './rest.ts';
import { createSecurityHeaders } from './security-headers.ts';
import { toOriginForm } from './to-origin-form.ts';
import { NO_STORE, varyByCaller } from './vary-by-caller.ts';

/** Time for a complete request to arrive. */
const REQUEST_MS = 30_000;

/**
 * Further connections are closed at once: each one holds a file descriptor, and without a free one
 * the program cannot reach its database either.
 */
const MIN_MAX_CONNECTIONS = 10_000;

export interface AppOptions {
  /** Origin of the URLs in responses; taken from the request if absent. */
  readonly publicUrl?: string | undefined;
  /** Origins that browsers may call from; `*` for any. */
  readonly corsOrigins: readonly string[];
  /** Limit on requests per workspace; no limit if null or absent. */
  readonly requestRate?: Rate | null;
  /** Limits on open event streams; the defaults of the settings if absent. */
  readonly streamLimits?: StreamLimits;
  /** Who may show a CTA's page in a frame, as in `frame-ancestors`. */
  readonly frameAncestors: string;
  /** Fastify's `trustProxy`. */
  readonly trustProxy: boolean | string;
  /** If absent: 10,000 or twice the maximum number of open streams, whichever is larger. */
  readonly maxConnections?: number;
  /** When to close a connection whose client does not read its response. */
  readonly stalls?: StallOptions;
}

/** Creates the API. Opens no port. The caller must close it. */
export async function createApp(deps: ApiDeps, options: AppOptions): Promise<FastifyInstance> {
  const { publicUrl } = options;
  const problemOptions = { log: deps.log, publicUrl };
  const securityHeaders = createSecurityHeaders(publicUrl);
  const app = fastify({
    bodyLimit: BODY_LIMIT,
    // For headers and body: 64 KB need no longer, and a client must not hold a connection by
    // sending byte by byte.
    requestTimeout: REQUEST_MS,
    // Node.js applies the longer of the two limits to both, and by default checks only every 30 s.
    http: { headersTimeout: REQUEST_MS, connectionsCheckingInterval: 5000 },
    trustProxy: options.trustProxy,
    // Requests that arrive during shutdown are served normally.
    return503OnClosing: false,
    rewriteUrl: toOriginForm,
    genReqId: (request) => assignRequestId(request.headers['x-request-id']),
    // Batched tRPC calls have all their names in one path segment.
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 5000 },
    // Input that is not valid HTTP has no route, but the client gets a response.
    clientErrorHandler(error, socket) {
      if (!socket.writable) return;
      const status =
        error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
      const title = STATUS_CODES[status];
      const body = JSON.stringify({
        type: 'about:blank',
        title,
        status,
        code: 'bad_http',
        detail: 'The request is not valid HTTP.',
      });
      socket.end(
        `HTTP/1.1 ${status} ${title}\r\nContent-Type: application/problem+json\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
      );
    },
    // These errors occur before any hook has run.
    frameworkErrors(error, request, reply) {
      reply.headers(securityHeaders(request));
      void sendProblem(problemOptions, error, request, reply);
    },
  });
  const { inAll } = options.streamLimits ?? DEFAULT_STREAM_LIMITS;
  app.server.maxConnections = options.maxConnections ?? Math.max(MIN_MAX_CONNECTIONS, 2 * inAll);
  const countQueuedBytes = limitPipelining(app.server, deps.log);
  endStalledResponses(app.server, deps.log, { ...options.stalls, countQueuedBytes });
  const authenticate = createAuthenticate(deps);

  app.addHook('onRequest', async (request, reply) => {
    reply
      .header('x-request-id', request.id)
      .header('cache-control', NO_STORE)
      .headers(securityHeaders(request));
  });
  app.setErrorHandler((error, request, reply) => sendProblem(problemOptions, error, request, reply));
  app.setNotFoundHandler((request, reply) =>
    sendProblem(problemOptions, new AppError('not_found'), request, reply),
  );
  observeRequests(app, deps);
  handleOtherMethods(app, { hasCors: options.corsOrigins.length > 0 });
  // Event streams hold their connections open, so they must be ended.
  app.addHook('preClose', async () => {
    deps.tokenWatch.close();
    await deps.batchWatch.close();
  });
  refuseEncodedBodies(app);
  parseJsonBodies(app);
  if (options.corsOrigins.length > 0) {
    await app.register(cors, {
      origin: options.corsOrigins.includes('*') ? '*' : [...options.corsOrigins],
      methods: ['GET', 'HEAD', 'POST', 'PATCH'],
      exposedHeaders: [
        'location',
        'www-authenticate',
        'etag',
        'retry-after',
        'ratelimit',
        'ratelimit-policy',
        'x-request-id',
      ],
      maxAge: 600,
    });
  }
  registerDocs(app, options);
  registerAssets(app, deps);
  registerCtaPage(app, deps, options);
  registerErrorsPage(app);
  registerHealth(app, deps.health);
  const limitRequests = await createLimitRequests(app, options.requestRate ?? null);
  const limitStreams = createLimitStreams(options.streamLimits);
  const shared = { deps, authenticate, limitRequests, limitStreams, publicUrl };
  await app.register(async (scope) => {
    varyByCaller(scope);
    nameTrpcMethods(scope);
    registerTrpc(scope, shared);
  });
  await app.register(async (scope) => {
    varyByCaller(scope);
    registerRest(scope, shared);
  });
  return app;
}
