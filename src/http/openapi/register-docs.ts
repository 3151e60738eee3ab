import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { LRUCache } from 'lru-cache';
import { getBaseUrl } from '../base-url.ts';
import { type PreparedResponse, prepareResponse, sendPrepared } from '../prepare-response.ts';
import { describeApi } from './describe-api.ts';

/** The content security policy of the page: it may load only from this server. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'unsafe-inline'",
  "style-src 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

interface DocsOptions {
  readonly publicUrl?: string | undefined;
}

/** The limit on cached documents: a client may name any host in its `Host` header. */
const MAX_HOSTS = 10;

const JSON_TYPE = 'application/json; charset=utf-8';

/** The paths of the page's two files in the API reader. */
const PAGE = '/docs/';
const SCRIPT = '/docs/js/scalar.js';

/**
 * `GET /openapi.json`: the document of the REST API. `GET /docs`: a page to read it and to try the
 * API, which loads nothing from other servers.
 */
export function registerDocs(app: FastifyInstance, { publicUrl }: DocsOptions): void {
  const documents = new LRUCache<string, PreparedResponse>({ max: MAX_HOSTS });
  let document: object | undefined;
  app.get('/openapi.json', (request, reply) => {
    const url = getBaseUrl(request, publicUrl);
    let answer = documents.get(url);
    if (!answer) {
      document ??= describeApi();
      answer = prepareResponse(JSON.stringify({ ...document, servers: [{ url }] }), JSON_TYPE);
      documents.set(url, answer);
    }
    reply.headers({ 'access-control-allow-origin': '*', 'cache-control': 'no-cache' });
    return sendPrepared(request, reply, answer);
  });

  // The API reader is 5 MB of script. It is loaded at the first request and then kept.
  let files: Promise<ReadonlyMap<string, PreparedResponse>> | undefined;
  async function sendFile(
    path: string,
    request: FastifyRequest,
    reply: FastifyReply,
    cacheControl: string,
  ): Promise<FastifyReply> {
    files ??= readFiles().catch((error: unknown) => {
      // The next visit tries again.
      files = undefined;
      throw error;
    });
    const answer = (await files).get(path);
    if (!answer) throw new Error(`the API reference has no ${path}`);
    reply.headers({
      'cache-control': cacheControl,
      'content-security-policy': POLICY,
      // A person may have typed a token into the page: pages that opened it, or that it opens, must
      // not have access to it.
      'cross-origin-opener-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
    });
    return sendPrepared(request, reply, answer);
  }
  app.get('/docs', (request, reply) => {
    const [path = '', query] = request.url.split('?', 2);
    if (path.endsWith('/')) return sendFile(PAGE, request, reply, 'no-cache');
    // The page names its script relative to itself. A relative redirect also keeps a path prefix
    // that a proxy has added.
    return reply.redirect(`docs/${query === undefined ? '' : `?${query}`}`, 301);
  });
  app.get(SCRIPT, (request, reply) => sendFile(SCRIPT, request, reply, 'public, max-age=3600'));
}

/**
 * Requests each file from the API reader once. The reader is an app of its own and is not needed
 * afterwards.
 */
async function readFiles(): Promise<ReadonlyMap<string, PreparedResponse>> {
  const reader = await openReader();
  const files = new Map<string, PreparedResponse>();
  try {
    for (const url of [PAGE, SCRIPT]) {
      const { statusCode, headers, rawPayload } = await reader.inject(url);
      if (statusCode !== 200) throw new Error(`the API reference returned ${statusCode} for ${url}`);
      files.set(url, prepareResponse(rawPayload, String(headers['content-type'])));
    }
  } finally {
    await reader.close();
  }
  return files;
}

async function openReader(): Promise<FastifyInstance> {
  const { default: apiReference } = await import('@scalar/fastify-api-reference');
  const reader = fastify({ routerOptions: { ignoreTrailingSlash: true } });
  await reader.register(apiReference, {
    routePrefix: '/docs',
    configuration: {
      url: '/openapi.json',
      pageTitle: 'CTA batch generator',
      // Load nothing from other servers, and send nothing to them.
      withDefaultFonts: false,
      telemetry: false,
      hideClientButton: true,
      showDeveloperTools: 'never',
      agent: { disabled: true },
      mcp: { disabled: true },
    },
  });
  return reader;
}
