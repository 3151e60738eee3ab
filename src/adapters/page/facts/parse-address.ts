/**
 * Longer addresses do not fit in a request header. `URL.parse` takes quadratic time for a host name
 * of many letters.
 */
const MAX_LENGTH = 16_000;

/**
 * Parses an address in a page, relative to `base` if given. Returns null if it is invalid or too
 * long.
 */
export function parseAddress(address: string, base?: string): URL | null {
  return address.length > MAX_LENGTH ? null : URL.parse(address.trim(), base);
}
