/**
 * Makes the `Referer` of a request as browsers do by default (`strict-origin-when-cross-origin`;
 * W3C Referrer Policy, section 8): the address of the page for its own origin, only the origin for
 * other origins, and nothing from https to http. Never contains a user name, a password or a
 * fragment.
 */
export function makeReferer(page: string | undefined, target: URL): { referer?: string } {
  const from = URL.parse(page ?? '');
  if (from === null || (from.protocol !== 'http:' && from.protocol !== 'https:')) return {};
  if (from.protocol === 'https:' && target.protocol === 'http:') return {};
  if (from.origin !== target.origin) return { referer: `${from.origin}/` };
  from.username = '';
  from.password = '';
  from.hash = '';
  return { referer: from.href };
}
