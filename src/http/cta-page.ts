import type { FastifyInstance } from 'fastify';
import fresh from 'fresh';
import { renderCtaPage } from '../creative/render-cta-page.ts';
import { AppError } from '../lib/app-error.ts';
import { sha256 } from '../lib/ids.ts';
import { findEmbedded } from '../previews/find-embedded.ts';
import type { ApiDeps } from './context.ts';

interface CtaPageOptions {
  /** Who may show the page in a frame, as in `frame-ancestors`. */
  readonly frameAncestors: string;
}

/**
 * Serves `GET /cta/{key}`: a preview as a page for an `<iframe>`, for anyone who has the key,
 * because an iframe sends no token. An edit shows at the next view: browsers revalidate each time,
 * and a 304 is small.
 */
export function registerCtaPage(
  app: FastifyInstance,
  deps: Pick<ApiDeps, 'orm'>,
  { frameAncestors }: CtaPageOptions,
): void {
  app.get<{ Params: { key: string } }>('/cta/:key', async (request, reply) => {
    const prefill = await findEmbedded(deps, request.params.key);
    if (!prefill) throw new AppError('not_found', { detail: 'There is no CTA at this address.' });
    // Image URLs are relative to the page, because a proxy may have added a path prefix.
    const hasSlash = request.url.split('?', 1)[0]?.endsWith('/');
    const { html, styleSource } = renderCtaPage(prefill, hasSlash ? '../../assets/' : '../assets/');
    const policy = [
      "default-src 'none'",
      "img-src 'self'",
      `style-src ${styleSource}`,
      "base-uri 'none'",
      "form-action 'none'",
      `frame-ancestors ${frameAncestors}`,
    ].join('; ');
    // A hash of policy and page, not the preview's version: a browser keeps the old policy with an
    // unchanged page, and another release may render the same version differently.
    const etag = `"${sha256(policy + html).toString('base64url')}"`;
    reply.headers({
      'cache-control': 'no-cache',
      'content-security-policy': policy,
      // Allows embedding in a page with `Cross-Origin-Embedder-Policy`, too.
      'cross-origin-resource-policy': 'cross-origin',
      etag,
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    });
    if (fresh(request.headers, { etag })) return reply.code(304).send();
    return reply.type('text/html; charset=utf-8').send(html);
  });
}
