import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { FastifyRequest } from 'fastify';
import helmet from 'helmet';
import { getProtocol } from './base-url.ts';

/**
 * The default security headers of a response. A route whose response is embedded in pages overrides
 * them.
 */
export type SecurityHeaders = Readonly<Record<string, string>>;

const YEAR_SECONDS = 365 * 24 * 60 * 60;

/**
 * Returns a function that returns the security headers for a request: they forbid browsers to do
 * anything with a data response. `Strict-Transport-Security` is left out for plain HTTP without an
 * https `PUBLIC_URL`, because browsers ignore it there (RFC 6797, 7.2).
 */
export function createSecurityHeaders(
  publicUrl: string | undefined,
): (request: FastifyRequest) => SecurityHeaders {
  const plain = collectHeaders(false);
  const secure = collectHeaders(true);
  if (publicUrl?.startsWith('https:')) return () => secure;
  return (request) => (getProtocol(request) === 'https' ? secure : plain);
}

/**
 * Computed once, because the result is constant and helmet creates its middlewares anew for each
 * request: that took 47 µs per request, half the time of a response without a query; this takes 5
 * µs.
 */
function collectHeaders(hsts: boolean): SecurityHeaders {
  const request = new IncomingMessage(new Socket());
  const response = new ServerResponse(request);
  helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { 'default-src': ["'none'"], 'frame-ancestors': ["'none'"] },
    },
    // Only for our own host: the subdomains may not be ours.
    strictTransportSecurity: hsts ? { maxAge: YEAR_SECONDS, includeSubDomains: false } : false,
    // `frame-ancestors` in the policy has the same effect, and the CTA page, which is made for
    // frames, would have to remove this header.
    xFrameOptions: false,
    // These concern documents, or browsers and plugins that no longer exist.
    crossOriginOpenerPolicy: false,
    originAgentCluster: false,
    xDnsPrefetchControl: false,
    xDownloadOptions: false,
    xPermittedCrossDomainPolicies: false,
    xXssProtection: false,
  })(request, response, () => {});
  return Object.fromEntries(
    Object.entries(response.getHeaders()).map(([name, value]) => [name, String(value)]),
  );
}
