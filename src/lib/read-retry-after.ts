/**
 * Returns how long a service asks us to wait, in milliseconds from `now` (epoch milliseconds): from
 * `retry-after-ms`, else from `Retry-After` in seconds or as an HTTP date (RFC 9110, 10.2.3).
 * Returns undefined if it does not say.
 */
export function readRetryAfter(headers: Headers | undefined, now: number): number | undefined {
  const milliseconds = readNumber(headers?.get('retry-after-ms'));
  if (milliseconds !== undefined) return milliseconds;
  const value = headers?.get('retry-after');
  const seconds = readNumber(value);
  if (seconds !== undefined) return seconds * 1000;
  const date = Date.parse(value ?? '');
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

function readNumber(value: string | null | undefined): number | undefined {
  return value && /^\s*\d{1,12}(\.\d+)?\s*$/.test(value) ? Number(value) : undefined;
}
