/** As long as a header of ours may be. Reading an address takes quadratic time for a host name of many letters. */
const MAX_LENGTH = 16_000;

/** The address that a page names, which may be relative to `base`; null for none, or one of unreasonable length. */
export function parseAddress(address: string, base?: string): URL | null {
  return address.length > MAX_LENGTH ? null : URL.parse(address.trim(), base);
}
