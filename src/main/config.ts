import { z } from 'zod';
import { parseAllowHosts } from '../adapters/net/allow-hosts.ts';
import { parseAllowPorts } from '../adapters/net/allow-ports.ts';
import { parseRate } from '../ai-calls/rate.ts';
import { DatabaseUrlError } from '../db/connection/database-url-error.ts';
import { fillFromEnvironment } from '../db/connection/fill-from-environment.ts';
import { readDatabaseUrl } from '../db/connection/read-database-url.ts';
import {
  count,
  duration,
  flag,
  frameAncestors,
  httpPort,
  key,
  list,
  origin,
  proxy,
  readBy,
  retention,
  text,
  trustedProxies,
} from './setting-values.ts';

/**
 * All settings by topic. Names are those of environment variables; defaults (`prefault`) are
 * written as in the environment. The description is the row of the table in docs/settings.md;
 * `unset` describes there the effect of a setting without a default that is not set.
 */
export const SETTINGS = {
  Database: {
    DATABASE_URL: text
      .superRefine((url, context) => {
        if (url === undefined) return;
        try {
          readDatabaseUrl(url);
        } catch (error) {
          if (!(error instanceof DatabaseUrlError)) throw error;
          context.addIssue({ code: 'custom', message: error.message });
        }
      })
      .meta({
        description:
          'a PostgreSQL 15 or newer ([how it is written](operations/database.md)); without it a real one is started under `./.data`',
        unset: 'embedded',
      }),
    DATABASE_POOL: count(500)
      .prefault('10')
      .describe('connections of each process; [how many more it takes](operations/scale.md#connections)'),
    ALLOW_NEWER_SCHEMA: flag
      .prefault('false')
      .describe('`true`: starts on a database that a later version has migrated, to go back to this one'),
  },
  API: {
    HOST: z.string().min(1).prefault('127.0.0.1').describe('address on which the API listens'),
    PORT: httpPort.prefault('3000').describe('port of the API; 0 takes a free one'),
    PUBLIC_URL: origin
      .refine((url) => !/[?#]/.test(url), { error: 'must not have a query' })
      .transform((url) => url.replace(/\/+$/, ''))
      .optional()
      .meta({ description: 'origin of the addresses in answers', unset: 'from the request' }),
    TRUST_PROXY: trustedProxies
      .prefault('false')
      .describe('`true`, or the proxies’ addresses: whose `X-Forwarded-*` headers count'),
    CORS_ORIGINS: list
      .refine((origins) => origins.every((one) => one === '*' || URL.parse(one)?.origin === one), {
        error: 'must be origins such as https://app.example.com, between commas, or *',
      })
      .optional()
      .transform((origins) => origins ?? [])
      .meta({
        description: 'origins that browsers may call from, between commas; `*` for any',
        unset: 'none',
      }),
    EMBED_ANCESTORS: frameAncestors
      .prefault('*')
      .describe('who may show CTAs in a frame: origins between commas, `self`, `none`, or any (`*`)'),
    REQUEST_RATE_LIMIT: z
      .string()
      .transform((rate, context) => {
        const parsed = parseRate(rate);
        if (parsed !== undefined) return parsed;
        context.addIssue({ code: 'custom', message: 'must be like 6000/m, 100/s, or off' });
        return z.NEVER;
      })
      .prefault('600000/m')
      .describe('requests of a workspace to each process that serves the API; `off`'),
    STREAMS_PER_WORKSPACE: count(100_000)
      .prefault('500')
      .describe('open event streams of one workspace in each API process'),
    MAX_STREAMS: count(100_000)
      .prefault('5000')
      .describe('open event streams of all workspaces in each API process'),
    MAX_SOURCES: count(100).prefault('5').describe('sources that one batch may have'),
    MAX_BATCH_SIZE: count(100).prefault('10').describe('previews that one source may ask for'),
  },
  'AI calls': {
    PREVIEW_RATE_LIMIT: z
      .string()
      .refine((rate) => parseRate(rate) !== undefined, { error: 'must be like 20/m, 5/s, 1000/h, or off' })
      .prefault('20/m')
      .describe('AI calls of each kind in any window (`n/s`, `n/m`, `n/h`), over all processes; `off`'),
    AI_API_KEY: key.meta({ description: 'key of the AI service', unset: 'the offline generator works' }),
    AI_BASE_URL: origin
      .prefault('https://api.openai.com/v1')
      .describe('any service with OpenAI’s wire format'),
    AI_TEXT_MODEL: z.string().min(1).prefault('gpt-4.1-mini').describe('chat completions with a JSON schema'),
    AI_IMAGE_MODEL: z.string().min(1).prefault('gpt-image-1').describe('images edit'),
    AI_IMAGE_BASE_URL: origin
      .optional()
      .meta({ description: 'where the images come from, if from elsewhere', unset: '`AI_BASE_URL`' }),
    AI_IMAGE_API_KEY: key.meta({ description: 'key of that service', unset: '`AI_API_KEY`' }),
    HTTPS_PROXY: proxy.meta({
      description: '`http://host:port` of a proxy for AI services with an https address; `https_proxy` too',
      unset: 'none',
    }),
    HTTP_PROXY: proxy.meta({
      description: 'the same for AI services with an http address; `http_proxy` too',
      unset: 'none',
    }),
    NO_PROXY: text.meta({
      description:
        'hosts that are called without a proxy: names, IP addresses or ranges, separated by commas; `no_proxy` too',
      unset: 'this machine only',
    }),
    AI_TIMEOUT: duration.prefault('180s').describe('for one call'),
    PROVIDER_WAIT: duration
      .prefault('600s')
      .describe('how long a preview waits for an AI service that keeps failing, before it fails too'),
  },
  'Pages and images': {
    FETCH_TIMEOUT: duration.prefault('20s').describe('for a page or an image'),
    FETCH_ALLOW_HOSTS: z
      .string()
      .transform((value, context) => {
        try {
          return parseAllowHosts(value);
        } catch (error) {
          context.addIssue({ code: 'custom', message: `must be host:port, … ${(error as Error).message}` });
          return z.NEVER;
        }
      })
      .prefault('')
      .meta({
        description: '`host:port, …` that may be fetched or told though they are not public; for development',
        unset: 'none',
      }),
    FETCH_ALLOW_PORTS: readBy(parseAllowPorts).prefault('').meta({
      description: 'ports beside 80 and 443 that pages, images and webhooks may be on, between commas',
      unset: 'none',
    }),
    FETCH_PROXY: proxy.meta({
      description: '`http://host:port` of a proxy for pages, images and webhooks',
      unset: 'none',
    }),
    FETCH_ROBOTS: z
      .enum(['off', 'on'])
      .prefault('off')
      .describe('`on`: pages that a shop’s robots.txt asks not to read are not read'),
    IMAGE_RANKER: z
      .enum(['auto', 'clip', 'heuristic'])
      .prefault('auto')
      .describe('`clip`, `heuristic` (rules), or `auto`: CLIP if its model can be loaded, else rules'),
    CLIP_MODEL: text.meta({
      description: '`Xenova/clip-vit-base-patch32`, another CLIP in ONNX on the hub, or a local folder',
      unset: 'none',
    }),
  },
  Process: {
    WORKER_CONCURRENCY: count(1000).prefault('50').describe('previews in flight in each process'),
    STOP_GRACE: duration
      .prefault('10s')
      .describe('after SIGTERM, for what is under way to finish; the rest is handed on'),
    STOP_DELAY: z
      .literal('0')
      .transform(() => 0)
      .or(duration)
      .prefault('1s')
      .describe('after SIGTERM, for load balancers and clients to go elsewhere while the API serves on; `0`'),
    HEALTH_PORT: httpPort.optional().meta({
      description: 'where `/livez` and `/readyz` are served too; the API’s port has them already',
      unset: 'none',
    }),
    METRICS_PORT: httpPort.optional().meta({
      description: 'where `/metrics` is served, for Prometheus; may be the same as `HEALTH_PORT`',
      unset: 'none',
    }),
    OTEL_EXPORTER_OTLP_ENDPOINT: origin.optional().meta({
      description: 'an OpenTelemetry collector that traces are sent to; other `OTEL_…` as usual',
      unset: 'none',
    }),
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: origin
      .optional()
      .meta({ description: 'the same, as the whole address, `…/v1/traces`', unset: 'none' }),
    LOG_LEVEL: z
      .enum(['debug', 'info', 'warn', 'error', 'silent'])
      .prefault('info')
      .describe('`debug`, `info`, `warn`, `error`, `silent`; logs go to standard error'),
  },
  'What is kept': {
    KEEP_BATCHES: retention
      .prefault('365d')
      .describe('how long a finished batch and its previews are kept; `off`: for ever'),
    KEEP_CALLS: retention
      .prefault('90d')
      .describe('the same for what is on the ledger and not needed any more'),
  },
};

const settingsSchema = z.object({
  ...SETTINGS.Database,
  ...SETTINGS.API,
  ...SETTINGS['AI calls'],
  ...SETTINGS['Pages and images'],
  ...SETTINGS.Process,
  ...SETTINGS['What is kept'],
});

/** Adds the rules that concern several settings. */
const checkedSchema = settingsSchema
  .refine((settings) => settings.IMAGE_RANKER !== 'clip' || settings.CLIP_MODEL !== undefined, {
    path: ['IMAGE_RANKER'],
    error: 'needs CLIP_MODEL, a model such as Xenova/clip-vit-base-patch32 or a folder with one',
  })
  .refine((settings) => isOwnPort(settings.HEALTH_PORT, settings.PORT), {
    path: ['HEALTH_PORT'],
    error: 'must be another port than PORT, which has /livez and /readyz already',
  })
  .refine((settings) => isOwnPort(settings.METRICS_PORT, settings.PORT), {
    path: ['METRICS_PORT'],
    error: 'must be another port than PORT, which is for the public',
  });

/** Port 0 is never a conflict: each server then takes a free port. */
function isOwnPort(port: number | undefined, apiPort: number): boolean {
  return port === undefined || port === 0 || port !== apiPort;
}

export type Settings = z.output<typeof settingsSchema>;

/** A setting cannot be used. The message tells the user what to change. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
}

/**
 * Reads the settings once, at the start. An empty value counts as not set.
 *
 * @throws SettingsError that names each invalid setting.
 */
export function readSettings(environment: Readonly<Record<string, string | undefined>>): Settings {
  const given = Object.fromEntries(
    Object.entries(upperCaseProxies(environment)).filter(([, value]) => value?.trim()),
  );
  const result = checkedSchema.safeParse(given);
  if (result.success) return fillDatabaseUrl(result.data, environment);
  const sentences = result.error.issues.map((issue) => {
    const name = String(issue.path[0]);
    return `${name} ${issue.message}${isSecret(name) ? '' : ` (it is ${JSON.stringify(given[name])})`}.`;
  });
  throw new SettingsError(sentences.join('\n'));
}

/**
 * Fills missing parts of DATABASE_URL from libpq's variables, so that later code does not read the
 * environment.
 */
function fillDatabaseUrl(
  settings: Settings,
  environment: Readonly<Record<string, string | undefined>>,
): Settings {
  if (settings.DATABASE_URL === undefined) return settings;
  try {
    return { ...settings, DATABASE_URL: fillFromEnvironment(settings.DATABASE_URL, environment) };
  } catch (error) {
    if (error instanceof DatabaseUrlError) throw new SettingsError(`DATABASE_URL ${error.message}.`);
    throw error;
  }
}

/**
 * Renames lower-case proxy variables to upper case; they take precedence over upper-case ones, as
 * with curl.
 */
export function upperCaseProxies(
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string | undefined> {
  const renamed = { ...environment };
  for (const name of ['https_proxy', 'http_proxy', 'no_proxy']) {
    if (environment[name]?.trim()) renamed[name.toUpperCase()] = environment[name];
    delete renamed[name];
  }
  return renamed;
}

function isSecret(name: string): boolean {
  return /KEY|DATABASE_URL|^(?:HTTPS?|FETCH)_PROXY$/.test(name);
}

export const SETTING_NAMES = Object.keys(settingsSchema.shape);
