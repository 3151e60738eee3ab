import { isIP } from 'node:net';
import { z } from 'zod';
import { parseProxy } from '../adapters/net/proxy.ts';

/* The formats of settings, and the error messages for invalid values. */

export const text = z.string().trim().min(1).optional();
/** Only characters that are valid in an HTTP header. */
export const key = text.refine((value) => value === undefined || /^[\x21-\x7e]+$/.test(value), {
  error: 'must consist of ASCII characters without spaces',
});
const whole = (min: number, max: number) =>
  z.coerce
    .number({ error: `must be a whole number from ${min} to ${max}` })
    .int({ error: `must be a whole number from ${min} to ${max}` })
    .min(min, { error: `must be at least ${min}` })
    .max(max, { error: `must be at most ${max}` });
export const count = (max: number) => whole(1, max);
export const httpUrl = z
  .string()
  .refine((url) => URL.canParse(url) && /^https?:\/\//.test(url), { error: 'must be an http(s) address' });

const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** A duration such as `20s`, `500ms` or `3m`, or a number of seconds. Returns milliseconds. */
export const duration = z.string().transform((value, context) => {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h)?$/.exec(value.trim());
  const ms = match ? Number(match[1]) * UNIT_MS[(match[2] ?? 's') as keyof typeof UNIT_MS] : 0;
  if (ms >= 1 && ms <= 86_400_000) return Math.round(ms);
  context.addIssue({ code: 'custom', message: 'must be a duration such as 20s, 500ms or 3m' });
  return z.NEVER;
});

/**
 * A retention time: days such as `90d`, or `off` for unlimited. Returns milliseconds, or null for
 * `off`.
 */
export const retention = z.string().transform((value, context) => {
  const match = /^(\d{1,5})\s*d$/.exec(value.trim());
  if (value === 'off') return null;
  if (match && Number(match[1]) > 0) return Number(match[1]) * 86_400_000;
  context.addIssue({ code: 'custom', message: 'must be a number of days such as 90d, or off' });
  return z.NEVER;
});

/** Addresses, ranges and names of ranges that Fastify's `trustProxy` accepts. */
const PROXY = /^(loopback|linklocal|uniquelocal|[\da-f.:]+(\/\d{1,3})?)$/i;

/** An origin; `*.` stands for all subdomains. */
const ANCESTOR = /^https?:\/\/(\*\.)?[a-z\d][a-z\d.-]*(:\d{1,5})?$/i;

export const list = z.string().transform((value) => value.split(/[\s,]+/).filter((entry) => entry !== ''));

export const flag = z.enum(['true', 'false']).transform((value) => value === 'true');

export const httpPort = whole(0, 65_535);

/** Parses a setting with a function that throws an error with the message for the user. */
export const readBy = <T>(read: (value: string) => T) =>
  z.string().transform((value, context) => {
    try {
      return read(value);
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message });
      return z.NEVER;
    }
  });
export const proxy = readBy(parseProxy).optional();

export const trustedProxies = z
  .string()
  .refine((value) => value === 'true' || value === 'false' || value.split(/\s*,\s*/).every(isProxy), {
    error: 'must be true, false, or addresses and ranges separated by commas',
  })
  .transform((value) => (value === 'true' || value === 'false' ? value === 'true' : value));

/** Sources for `frame-ancestors` of a Content-Security-Policy. */
export const frameAncestors = list.transform((entries, context) => {
  const sources = toFrameAncestors(entries);
  if (sources !== undefined) return sources;
  context.addIssue({
    code: 'custom',
    message: 'must be origins such as https://shop.example or self, separated by commas, or none, or *',
  });
  return z.NEVER;
});

function isProxy(text: string): boolean {
  const [address = '', bits] = text.split('/');
  if (!PROXY.test(text)) return false;
  return (
    !/\d/.test(address) ||
    (isIP(address) > 0 && (bits === undefined || Number(bits) <= (isIP(address) === 4 ? 32 : 128)))
  );
}

/**
 * Returns the value of `frame-ancestors` in a Content-Security-Policy; undefined if the list is not
 * valid there.
 */
function toFrameAncestors(entries: readonly string[]): string | undefined {
  const names = entries.map((entry) => entry.replace(/^'(.*)'$/, '$1'));
  if (names.length === 1 && names[0] === '*') return '*';
  if (names.length === 1 && names[0] === 'none') return "'none'";
  const isSource = (name: string) => name === 'self' || (ANCESTOR.test(name) && URL.canParse(name));
  if (names.length === 0 || !names.every(isSource)) return undefined;
  return names.map((name) => (name === 'self' ? "'self'" : name)).join(' ');
}
