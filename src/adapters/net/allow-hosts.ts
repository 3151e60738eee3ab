/**
 * Parses the list of hosts that may be fetched although they are not public, for development and
 * tests: entries of `host:port`, separated by commas or spaces, with IPv6 in brackets
 * ("localhost:8080, [::1]:8080").
 *
 * @throws TypeError for an entry that is not a host with a port.
 */
export function parseAllowHosts(list: string): ReadonlySet<string> {
  const entries = list.split(/[\s,]+/).filter((entry) => entry !== '');
  return new Set(
    entries.map((entry) => {
      const port = /:(\d{1,5})$/.exec(entry)?.[1];
      const url = URL.parse(`http://${entry}`);
      if (port === undefined || url === null || url.href !== `${url.origin}/`) {
        throw new TypeError(`"${entry}" is not host:port.`);
      }
      return hostAndPort(url.hostname, String(Number(port)));
    }),
  );
}

/**
 * Returns the one spelling of a host and port that `parseAllowHosts` uses: lower case, IPv6 in
 * brackets.
 */
export function hostAndPort(hostname: string, port: string): string {
  const isBareIpv6 = hostname.includes(':') && !hostname.startsWith('[');
  return `${isBareIpv6 ? `[${hostname}]` : hostname}:${port}`.toLowerCase();
}
