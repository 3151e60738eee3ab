import type { FastifyInstance } from 'fastify';
import fresh from 'fresh';
import { renderCtaPage } from '../creative/render-cta-page.ts';
import { AppError } from '../lib/app-error.ts';
import { sha256 } from '../lib/ids.ts';
import { findEmbedded } from '../previews/find-embedded.ts';
import type { ApiDeps } from './context.ts';

interface CtaPageOptions {
  /** What may show the page in a frame, as `frame-ancestors` has it. */
  readonly frameAncestors: string;
}

/**
 * `GET /cta/{key}`: a preview as a page for an `<iframe>`, for anyone who has the key, as an iframe sends no token. An edit is seen with the
 * next view: browsers ask each time, and are told in a few bytes that nothing has changed.
 */
export function registerCtaPage(
  app: FastifyInstance,
  deps: Pick<ApiDeps, 'orm'>,
  { frameAncestors }: CtaPageOptions,
): void {
  app.get<{ Params: { key: string } }>('/cta/:key', async (request, reply) => {
    const prefill = await findEmbedded(deps, request.params.key);
    if (!prefill) throw new AppError('not_found', { detail: 'There is no CTA at this address.' });
    // From the page itself, so that the images come from wherever the page came from: a proxy may have put a path before ours.
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
    // Of all that is sent, not of the preview's version: a browser keeps the old policy with a page that has not changed, and another
    // release may render the same version in another way.
    const etag = `"${sha256(policy + html).toString('base64url')}"`;
    reply.headers({
      'cache-control': 'no-cache',
      'content-security-policy': policy,
      // A page that lets in only what asks for it (`Cross-Origin-Embedder-Policy`) may have it too.
      'cross-origin-resource-policy': 'cross-origin',
      etag,
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    });
    if (fresh(request.headers, { etag })) return reply.code(304).send();
    return reply.type('text/html; charset=utf-8').send(html);
  });
}
