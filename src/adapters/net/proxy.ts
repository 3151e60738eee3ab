import ipaddr from 'ipaddr.js';

/** Proxies for outgoing calls, from `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`. */
export interface Proxies {
  readonly http?: URL | undefined;
  readonly https?: URL | undefined;
  /** Hosts that are called without a proxy. */
  readonly except?: string | undefined;
}

/**
 * Parses the address of an HTTP proxy, such as `http://user:password@proxy.example:3128`. The
 * default scheme is http. Error messages do not repeat the address, because it may contain a
 * password.
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
  // `decodeURIComponent` refuses a lone percent sign.
  if ([url.username, url.password].some((part) => decode(part) === undefined)) {
    throw new TypeError('must have % in its user name and password written as %25');
  }
  return url;
}

/** Returns the header that authenticates with a proxy; none if its address has no credentials. */
export function proxyAuthorization({ username, password }: URL): { 'proxy-authorization'?: string } {
  if (username === '' && password === '') return {};
  const credentials = Buffer.from(`${decode(username)}:${decode(password)}`).toString('base64');
  return { 'proxy-authorization': `Basic ${credentials}` };
}

/**
 * Returns the parts of a proxy's address that must not be shown: the password, and the encoded
 * credentials of the header.
 */
export function proxySecrets(proxy: URL | undefined): string[] {
  if (proxy === undefined || (proxy.username === '' && proxy.password === '')) return [];
  const [, sent = ''] = (proxyAuthorization(proxy)['proxy-authorization'] ?? '').split(' ');
  return [proxy.password || proxy.username, sent];
}

/**
 * Returns the proxy for an address, or undefined for a direct call: no proxy is set for its
 * protocol, the host is an exception, or it is this machine. Go excludes this machine too; curl
 * does not.
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

/**
 * An entry is `*`, a host (which includes its subdomains), an IP address or a range of addresses. A
 * host or an address may have a port.
 */
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
