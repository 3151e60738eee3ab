import { type FastifyInstance, fastify } from 'fastify';
import { getBaseUrl } from '../base-url.ts';
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

/** `GET /openapi.json`: the document of the REST door; `GET /docs`: the same to read and to try, without any other server. */
export function registerDocs(app: FastifyInstance, { publicUrl }: DocsOptions): void {
  let document: object | undefined;
  app.get('/openapi.json', async (request, reply) => {
    reply.headers({ 'access-control-allow-origin': '*', 'cache-control': 'no-cache' });
    document ??= describeApi();
    return { ...document, servers: [{ url: getBaseUrl(request, publicUrl) }] };
  });

  // The reader is 5 MB of script: it is loaded when someone wants to read.
  let reader: Promise<FastifyInstance> | undefined;
  for (const url of ['/docs', '/docs/*']) {
    app.get(url, async (request, reply) => {
      reader ??= openReader().catch((error: unknown) => {
        // The next visit tries again.
        reader = undefined;
        throw error;
      });
      const answer = await (await reader).inject({ method: 'GET', url: request.url });
      const { 'content-type': type = 'text/plain', location } = answer.headers;
      if (location !== undefined) reply.header('location', location);
      return reply
        .code(answer.statusCode)
        .headers({
          'content-type': type,
          'cache-control': type.includes('javascript') ? 'public, max-age=3600' : 'no-cache',
          'content-security-policy': POLICY,
          // Who reads it may have typed a token in: no page that opened it, or that it opens, holds on to it.
          'cross-origin-opener-policy': 'same-origin',
          'x-content-type-options': 'nosniff',
        })
        .send(answer.rawPayload);
    });
  }
  app.addHook('onClose', async () => (await reader)?.close());
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
