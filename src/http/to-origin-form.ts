import type { IncomingMessage } from 'node:http';

/**
 * Returns a request's target without scheme and host, as most clients send it. Of one that has them
 * (RFC 9112, 3.2.2: every server must take it) the host counts, and not the one in `Host`.
 */
export function toOriginForm(request: IncomingMessage): string {
  const url = request.url ?? '/';
  const [whole = '', authority] = /^[a-z][a-z\d+.-]*:\/\/([^/?#]*)/i.exec(url) ?? [];
  if (authority === undefined) return url;
  request.headers.host = authority;
  const rest = url.slice(whole.length);
  return rest.startsWith('/') ? rest : `/${rest}`;
}
