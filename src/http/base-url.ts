import type { FastifyRequest } from 'fastify';

/**
 * Returns the origin of the URLs in responses, without a slash at the end: PUBLIC_URL, or the
 * origin that the request was sent to.
 */
export function getBaseUrl(request: FastifyRequest, publicUrl: string | undefined): string {
  if (publicUrl !== undefined) return publicUrl;
  // The client controls the Host header, so an invalid host must not be repeated.
  if (/^[\w.-]+(:\d{1,5})?$|^\[[\da-f:.]+\](:\d{1,5})?$/i.test(request.host)) {
    return `${getProtocol(request)}://${request.host}`;
  }
  const { localAddress = '127.0.0.1', localPort } = request.socket;
  const host = localAddress.includes(':') ? `[${localAddress}]` : localAddress;
  return `${getProtocol(request)}://${host}:${localPort}`;
}

/**
 * Returns the protocol that the client used. A trusted proxy names it in `X-Forwarded-Proto`;
 * values other than http and https are ignored.
 */
export function getProtocol({ protocol, socket }: FastifyRequest): 'http' | 'https' {
  const name = protocol.toLowerCase();
  if (name === 'http' || name === 'https') return name;
  return 'encrypted' in socket ? 'https' : 'http';
}
