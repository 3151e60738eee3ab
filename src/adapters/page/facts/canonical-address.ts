import { parseAddress } from './parse-address.ts';

const MAX_LENGTH = 2048;

/** Parameters that describe where a visitor came from, never which product is shown. */
const TRACKING =
  /^(?:utm_\w+|[a-z]*clid|msclkid|gclsrc|gad_\w+|gbraid|wbraid|mc_[ce]id|mkt_tok|_ga|_gl|_hs\w+|hsctatracking|igshid|srsltid|ef_id|s_kwcid|ir\w*clickid|awc|epik|yclid|ysclid|cmpid|_openstat|vero_id|oly_\w+_id)$/i;

/**
 * Returns the one address of a page: `rel=canonical` if it can be trusted, otherwise the address it
 * was fetched from, without fragment and tracking parameters. A canonical address is trusted if it
 * has the same host (with or without "www."), unless it is the front page, which broken shop
 * templates refer to.
 *
 * @param finalUrl the address after redirects; absolute.
 * @param canonical as in the page; may be relative to `finalUrl`.
 */
export function canonicalAddress(finalUrl: string, canonical?: string): string {
  const page = new URL(finalUrl);
  const named = canonical === undefined ? null : parseAddress(canonical, finalUrl);
  return clean(named !== null && isTrusted(named, page) ? named : page);
}

function isTrusted(named: URL, page: URL): boolean {
  const isWeb = named.protocol === 'http:' || named.protocol === 'https:';
  return (
    isWeb &&
    named.username === '' &&
    named.password === '' &&
    bareHost(named) === bareHost(page) &&
    named.pathname !== '/' &&
    named.href.length <= MAX_LENGTH
  );
}

function bareHost(url: URL): string {
  return url.host.replace(/^www\./, '');
}

function clean(url: URL): string {
  const cleaned = new URL(url);
  cleaned.hash = '';
  // Other parameters keep their spelling: `searchParams` would encode them again.
  const kept = cleaned.search
    .slice(1)
    .split('&')
    .filter((pair) => pair !== '' && !TRACKING.test(pair.split('=', 1)[0] ?? ''));
  cleaned.search = kept.join('&');
  return cleaned.href;
}
