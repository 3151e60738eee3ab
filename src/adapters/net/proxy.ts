import ipaddr from 'ipaddr.js';

/** Proxies for outgoing calls, as `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` name them. */
export interface Proxies {
  readonly http?: URL | undefined;
  readonly https?: URL | undefined;
  /** Hosts that are called directly. */
  readonly except?: string | undefined;
}

/**
 * Reads the address of an HTTP proxy, such as `http://user:password@proxy.example:3128`; without a scheme it is
 * http. Its messages do not repeat the address, since it may hold a password.
 *
 * @throws TypeError
 */
export function parseProxy(text: string): URL {
  const url = URL.parse(text.includes('://') ? text : `http://${text}`);
  if (url === null || url.hostname === '') {
    throw new TypeError('must be the address of a proxy, such as http://proxy.example:3128');
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new TypeError('must be an http:// or https:// address: other kinds of proxies are not supported');
  }
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    throw new TypeError(
      'must be a host and a port: a proxy has no path (write / # ? in a password as %2F %23 %3F)',
    );
  }
  // Both throw URIError for a lone percent sign.
  if ([url.username, url.password].some((part) => decode(part) === undefined)) {
    throw new TypeError('must have % in its user name and password written as %25');
  }
  return url;
}

/** The header that authenticates with a proxy; none for a proxy without a user name. */
export function proxyAuthorization({ username, password }: URL): { 'proxy-authorization'?: string } {
  if (username === '' && password === '') return {};
  const credentials = Buffer.from(`${decode(username)}:${decode(password)}`).toString('base64');
  return { 'proxy-authorization': `Basic ${credentials}` };
}

/** What of a proxy's address must not be shown: the password, and both as they are sent. */
export function proxySecrets(proxy: URL | undefined): string[] {
  if (proxy === undefined || (proxy.username === '' && proxy.password === '')) return [];
  const [, sent = ''] = (proxyAuthorization(proxy)['proxy-authorization'] ?? '').split(' ');
  return [proxy.password || proxy.username, sent];
}

/**
 * Returns the proxy for an address, or undefined if it is called directly: no proxy is set for its protocol,
 * it is in the list of exceptions, or it is this machine (as in Go, which curl's users would have to list).
 */
export function chooseProxy(url: URL, proxies: Proxies): URL | undefined {
  const proxy = url.protocol === 'https:' ? proxies.https : proxies.http;
  if (proxy === undefined) return undefined;
  const host = url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  if (/(?:^|\.)localhost$/.test(host) || parseAddress(host)?.range() === 'loopback') return undefined;
  const entries = (proxies.except ?? '').toLowerCase().split(/[\s,]+/);
  return entries.some((entry) => entry !== '' && isException(entry, host, port)) ? undefined : proxy;
}

/** An entry is `*`, a host (with those below it), an IP address or a range of them; or one with a port. */
function isException(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true;
  const address = parseAddress(host);
  if (address !== undefined && entry.includes('/')) return isInRange(address, entry);
  const withPort = /^(\[[^\]]*\]|[^:]*):(\d+)$/.exec(entry);
  if (withPort && withPort[2] !== port) return false;
  const name = (withPort?.[1] ?? entry).replace(/^\[|\]$/g, '').replace(/^\*?\./, '');
  if (address !== undefined) return parseAddress(name)?.toString() === address.toString();
  return host === name || host.endsWith(`.${name}`);
}

function isInRange(address: ipaddr.IPv4 | ipaddr.IPv6, range: string): boolean {
  if (!ipaddr.isValidCIDR(range)) return false;
  const [base, bits] = ipaddr.parseCIDR(range);
  return base.kind() === address.kind() && address.match(base, bits);
}

function parseAddress(text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  return ipaddr.isValid(text) ? ipaddr.parse(text) : undefined;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
