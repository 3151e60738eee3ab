import { isIP } from 'node:net';
import { z } from 'zod';
import { parseAllowHosts } from '../adapters/page/allow-hosts.ts';
import { parseRate } from '../ai-calls/rate.ts';

const text = z.string().trim().min(1).optional();
/** What can stand in an HTTP header. */
const key = text.refine((value) => value === undefined || /^[\x21-\x7e]+$/.test(value), {
  error: 'must be one word of ASCII characters',
});
const whole = (min: number, max: number) =>
  z.coerce
    .number({ error: `must be a whole number from ${min} to ${max}` })
    .int({ error: `must be a whole number from ${min} to ${max}` })
    .min(min, { error: `must be at least ${min}` })
    .max(max, { error: `must be at most ${max}` });
const count = (max: number) => whole(1, max);
const origin = z
  .string()
  .refine((url) => URL.canParse(url) && /^https?:\/\//.test(url), { error: 'must be an http(s) address' });

const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** A time such as `20s`, `500ms`, `3m`, or a number of seconds, in milliseconds. */
const duration = z.string().transform((value, context) => {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h)?$/.exec(value.trim());
  const ms = match ? Number(match[1]) * UNIT_MS[(match[2] ?? 's') as keyof typeof UNIT_MS] : 0;
  if (ms >= 1 && ms <= 86_400_000) return Math.round(ms);
  context.addIssue({ code: 'custom', message: 'must be a time such as 20s, 500ms or 3m' });
  return z.NEVER;
});

/** How long something is kept: days such as `90d`, or `off` (null) for ever; in milliseconds. */
const retention = z.string().transform((value, context) => {
  const match = /^(\d{1,5})\s*d$/.exec(value.trim());
  if (value === 'off') return null;
  if (match && Number(match[1]) > 0) return Number(match[1]) * 86_400_000;
  context.addIssue({ code: 'custom', message: 'must be a number of days such as 90d, or off' });
  return z.NEVER;
});

/** Addresses, ranges and names of ranges, as Fastify's `trustProxy` takes them. */
const PROXY = /^(loopback|linklocal|uniquelocal|[\da-f.:]+(\/\d{1,3})?)$/i;

/** An origin, or with a `*.` those of all hosts below it. */
const ANCESTOR = /^https?:\/\/(\*\.)?[a-z\d][a-z\d.-]*(:\d{1,5})?$/i;

const list = z.string().transform((value) => value.split(/[\s,]+/).filter((entry) => entry !== ''));

/** Every setting, with its default. Names are those of the environment. */
const settingsSchema = z.object({
  DATABASE_URL: text.refine((url) => url === undefined || /^postgres(ql)?:\/\//.test(url), {
    error: 'must begin with postgres://',
  }),
  DATABASE_POOL: count(500).default(10),
  HOST: z.string().min(1).default('127.0.0.1'),
  PORT: whole(0, 65_535).default(3000),
  HEALTH_PORT: whole(0, 65_535).optional(),
  METRICS_PORT: whole(0, 65_535).optional(),
  PUBLIC_URL: origin
    .refine((url) => !/[?#]/.test(url), { error: 'must not have a query' })
    .transform((url) => url.replace(/\/+$/, ''))
    .optional(),
  TRUST_PROXY: z
    .string()
    .default('false')
    .refine((value) => value === 'true' || value === 'false' || value.split(/\s*,\s*/).every(isProxy), {
      error: 'must be true, false, or addresses and ranges between commas',
    })
    .transform((value) => (value === 'true' || value === 'false' ? value === 'true' : value)),
  PREVIEW_RATE_LIMIT: z
    .string()
    .default('20/m')
    .refine((rate) => parseRate(rate) !== undefined, { error: 'must be like 20/m, 5/s, 1000/h, or off' }),
  REQUEST_RATE_LIMIT: z
    .string()
    .default('600000/m')
    .transform((rate, context) => {
      const parsed = parseRate(rate);
      if (parsed !== undefined) return parsed;
      context.addIssue({ code: 'custom', message: 'must be like 6000/m, 100/s, or off' });
      return z.NEVER;
    }),
  WORKER_CONCURRENCY: count(1000).default(50),
  AI_BASE_URL: origin.default('https://api.openai.com/v1'),
  AI_API_KEY: key,
  AI_TEXT_MODEL: z.string().min(1).default('gpt-4.1-mini'),
  AI_IMAGE_BASE_URL: origin.optional(),
  AI_IMAGE_API_KEY: key,
  AI_IMAGE_MODEL: z.string().min(1).default('gpt-image-1'),
  AI_TIMEOUT: duration.default(180_000),
  STOP_GRACE: duration.default(10_000),
  PROVIDER_WAIT: duration.default(600_000),
  FETCH_TIMEOUT: duration.default(20_000),
  FETCH_ALLOW_HOSTS: z
    .string()
    .default('')
    .transform((value, context) => {
      try {
        return parseAllowHosts(value);
      } catch (error) {
        context.addIssue({ code: 'custom', message: `must be host:port, … ${(error as Error).message}` });
        return z.NEVER;
      }
    }),
  FETCH_ROBOTS: z.enum(['off', 'on']).default('off'),
  IMAGE_RANKER: z.enum(['auto', 'clip', 'heuristic']).default('auto'),
  CLIP_MODEL: text,
  KEEP_BATCHES: retention.default(365 * 86_400_000),
  KEEP_CALLS: retention.default(90 * 86_400_000),
  MAX_SOURCES: count(100).default(5),
  MAX_BATCH_SIZE: count(100).default(10),
  CORS_ORIGINS: list
    .refine((origins) => origins.every((one) => one === '*' || URL.parse(one)?.origin === one), {
      error: 'must be origins such as https://app.example.com, between commas, or *',
    })
    .default([]),
  EMBED_ANCESTORS: list
    .transform((entries, context) => {
      const sources = toFrameAncestors(entries);
      if (sources !== undefined) return sources;
      context.addIssue({
        code: 'custom',
        message: 'must be origins such as https://shop.example or self, between commas, or none, or *',
      });
      return z.NEVER;
    })
    .default('*'),
  OTEL_EXPORTER_OTLP_ENDPOINT: origin.optional(),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: origin.optional(),
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
});

/** And what must hold between them. */
const checkedSchema = settingsSchema.refine(
  (settings) => settings.IMAGE_RANKER !== 'clip' || settings.CLIP_MODEL !== undefined,
  {
    path: ['IMAGE_RANKER'],
    error: 'needs CLIP_MODEL, a model such as Xenova/clip-vit-base-patch32 or a folder with one',
  },
);

export type Settings = z.output<typeof settingsSchema>;

/** A setting that cannot be used; the message is for the person who set it. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
}

/** Reads the settings once, at the start. An empty value counts as not set. Throws `SettingsError`, naming each wrong one. */
export function readSettings(environment: Readonly<Record<string, string | undefined>>): Settings {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value?.trim()));
  const result = checkedSchema.safeParse(given);
  if (result.success) return result.data;
  const sentences = result.error.issues.map((issue) => {
    const name = String(issue.path[0]);
    return `${name} ${issue.message}${isSecret(name) ? '' : ` (it is ${JSON.stringify(given[name])})`}.`;
  });
  throw new SettingsError(sentences.join('\n'));
}

function isProxy(text: string): boolean {
  const [address = '', bits] = text.split('/');
  if (!PROXY.test(text)) return false;
  return (
    !/\d/.test(address) ||
    (isIP(address) > 0 && (bits === undefined || Number(bits) <= (isIP(address) === 4 ? 32 : 128)))
  );
}

/** A list as `frame-ancestors` of a Content-Security-Policy has it; undefined if it cannot stand there. */
function toFrameAncestors(entries: readonly string[]): string | undefined {
  const names = entries.map((entry) => entry.replace(/^'(.*)'$/, '$1'));
  if (names.length === 1 && names[0] === '*') return '*';
  if (names.length === 1 && names[0] === 'none') return "'none'";
  const isSource = (name: string) => name === 'self' || (ANCESTOR.test(name) && URL.canParse(name));
  if (names.length === 0 || !names.every(isSource)) return undefined;
  return names.map((name) => (name === 'self' ? "'self'" : name)).join(' ');
}

function isSecret(name: string): boolean {
  return /KEY|DATABASE_URL/.test(name);
}

/** The names of all settings, for the README's test. */
export const SETTING_NAMES = Object.keys(settingsSchema.shape);
