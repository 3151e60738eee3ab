import type { IncomingMessage } from 'node:http';

/**
 * Returns a request's target without scheme and host, the form that most clients send. If the
 * target has them, which every server must accept (RFC 9112, 3.2.2), its host replaces the one in
 * `Host`.
 */
export function toOriginForm(request: IncomingMessage): string {
  const url = request.url ?? '/';
  const [whole = '', authority] = /^[a-z][a-z\d+.-]*:\/\/([^/?#]*)/i.exec(url) ?? [];
  if (authority === undefined) return url;
  request.headers.host = authority;
  const rest = url.slice(whole.length);
  return rest.startsWith('/') ? rest : `/${rest}`;
}
