import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { LRUCache } from 'lru-cache';
import { getBaseUrl } from '../base-url.ts';
import { type PreparedAnswer, prepareAnswer, sendPrepared } from '../prepare-answer.ts';
import { describeApi } from './describe-api.ts';

/** What browsers may do with the page of the document: all of it comes from here. */
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

/** Hosts whose document is kept: a client may name any in its `Host` header. */
const MOST_HOSTS = 10;

const JSON_TYPE = 'application/json; charset=utf-8';

/** The two files of the page, as the reader names them. */
const PAGE = '/docs/';
const SCRIPT = '/docs/js/scalar.js';

/**
 * `GET /openapi.json`: the document of the REST API; `GET /docs`: the same to read and to try,
 * without any other server.
 */
export function registerDocs(app: FastifyInstance, { publicUrl }: DocsOptions): void {
  const documents = new LRUCache<string, PreparedAnswer>({ max: MOST_HOSTS });
  let document: object | undefined;
  app.get('/openapi.json', (request, reply) => {
    const url = getBaseUrl(request, publicUrl);
    let answer = documents.get(url);
    if (!answer) {
      document ??= describeApi();
      answer = prepareAnswer(JSON.stringify({ ...document, servers: [{ url }] }), JSON_TYPE);
      documents.set(url, answer);
    }
    reply.headers({ 'access-control-allow-origin': '*', 'cache-control': 'no-cache' });
    return sendPrepared(request, reply, answer);
  });

  // The reader is 5 MB of script: it is loaded when someone wants to read, and then kept.
  let files: Promise<ReadonlyMap<string, PreparedAnswer>> | undefined;
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
    if (!answer) throw new Error(`the reader has no ${path}`);
    reply.headers({
      'cache-control': cacheControl,
      'content-security-policy': POLICY,
      // Who reads it may have typed a token in: no page that opened it, or that it opens, holds on
      // to it.
      'cross-origin-opener-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
    });
    return sendPrepared(request, reply, answer);
  }
  app.get('/docs', (request, reply) => {
    const [path = '', query] = request.url.split('?', 2);
    if (path.endsWith('/')) return sendFile(PAGE, request, reply, 'no-cache');
    // The page names its script relative to itself. A relative address also keeps a path that a
    // proxy put before ours.
    return reply.redirect(`docs/${query === undefined ? '' : `?${query}`}`, 301);
  });
  app.get(SCRIPT, (request, reply) => sendFile(SCRIPT, request, reply, 'public, max-age=3600'));
}

/**
 * Asks the reader once for each of its files. It is an app of its own, and not needed afterwards.
 */
async function readFiles(): Promise<ReadonlyMap<string, PreparedAnswer>> {
  const reader = await openReader();
  const files = new Map<string, PreparedAnswer>();
  try {
    for (const url of [PAGE, SCRIPT]) {
      const { statusCode, headers, rawPayload } = await reader.inject(url);
      if (statusCode !== 200) throw new Error(`the reader answered ${url} with ${statusCode}`);
      files.set(url, prepareAnswer(rawPayload, String(headers['content-type'])));
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
      // Nothing from elsewhere, and nothing that is sent there.
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
