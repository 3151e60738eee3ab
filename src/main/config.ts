import { z } from 'zod';
import { parseAllowHosts } from '../adapters/net/allow-hosts.ts';
import { parseAllowPorts } from '../adapters/net/allow-ports.ts';
import { DatabaseUrlError } from '../db/connection/database-url-error.ts';
import { fillFromEnvironment } from '../db/connection/fill-from-environment.ts';
import { readDatabaseUrl } from '../db/connection/read-database-url.ts';
import { parseRate } from '../lib/rate.ts';
import {
  count,
  duration,
  flag,
  frameAncestors,
  httpPort,
  httpUrl,
  key,
  list,
  proxy,
  readBy,
  retention,
  text,
  trustedProxies,
} from './setting-values.ts';

/**
 * All settings by topic. Names are those of environment variables; defaults (`prefault`) are
 * written as in the environment. The descriptions are for the tables in docs/settings.md. If a
 * setting has no default, `unset` says in the column of defaults what happens without the setting.
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
          'address of a PostgreSQL 15 or newer ([format](operations/database.md)); if unset, an embedded server is started in `./.data`',
        unset: 'embedded',
      }),
    DATABASE_POOL: count(500)
      .prefault('10')
      .describe(
        'pooled connections of each process; [a process needs some more](operations/scale.md#connections)',
      ),
    ALLOW_NEWER_SCHEMA: flag
      .prefault('false')
      .describe(
        '`true` to start on a database that a later version has migrated, in order to go back to this version',
      ),
  },
  API: {
    HOST: z.string().min(1).prefault('127.0.0.1').describe('address on which the API listens'),
    PORT: httpPort.prefault('3000').describe('port of the API; 0 chooses a free port'),
    PUBLIC_URL: httpUrl
      .refine((url) => !/[?#]/.test(url), { error: 'must not have a query or a fragment' })
      .transform((url) => url.replace(/\/+$/, ''))
      .optional()
      .meta({ description: 'base of the addresses in responses', unset: 'from the request' }),
    TRUST_PROXY: trustedProxies
      .prefault('false')
      .describe('proxies whose `X-Forwarded-*` headers are trusted: `true` for all, or their addresses'),
    CORS_ORIGINS: list
      .refine((origins) => origins.every((one) => one === '*' || URL.parse(one)?.origin === one), {
        error: 'must be origins such as https://app.example.com, separated by commas, or *',
      })
      .optional()
      .transform((origins) => origins ?? [])
      .meta({
        description: 'origins from which browsers may call the API, separated by commas; `*` for any',
        unset: 'none',
      }),
    EMBED_ANCESTORS: frameAncestors
      .prefault('*')
      .describe(
        'sites that may show CTAs in a frame: origins separated by commas, `self`, `none`, or `*` for any',
      ),
    REQUEST_RATE_LIMIT: z
      .string()
      .transform((rate, context) => {
        const parsed = parseRate(rate);
        if (parsed !== undefined) return parsed;
        context.addIssue({ code: 'custom', message: 'must be like 6000/m, 100/s, or off' });
        return z.NEVER;
      })
      .prefault('600000/m')
      .describe('requests of one workspace to each API process (`n/s`, `n/m`, `n/h`), or `off`'),
    STREAMS_PER_WORKSPACE: count(100_000)
      .prefault('500')
      .describe('maximum number of open event streams of one workspace in each API process'),
    MAX_STREAMS: count(100_000)
      .prefault('5000')
      .describe('maximum number of open event streams of all workspaces in each API process'),
    MAX_SOURCES: count(100).prefault('5').describe('maximum number of sources in a batch'),
    MAX_BATCH_SIZE: count(100).prefault('10').describe('maximum number of previews for a source'),
  },
  'AI calls': {
    PREVIEW_RATE_LIMIT: z
      .string()
      .refine((rate) => parseRate(rate) !== undefined, { error: 'must be like 20/m, 5/s, 1000/h, or off' })
      .prefault('20/m')
      .describe(
        'maximum number of AI calls of each kind in any window (`n/s`, `n/m`, `n/h`), over all processes, or `off`',
      ),
    AI_API_KEY: key.meta({ description: 'key of the AI service', unset: 'the offline generator is used' }),
    AI_BASE_URL: httpUrl
      .prefault('https://api.openai.com/v1')
      .describe('address of a service with the OpenAI API'),
    AI_TEXT_MODEL: z
      .string()
      .min(1)
      .prefault('gpt-4.1-mini')
      .describe('model for texts; must support chat completions with a JSON schema'),
    AI_IMAGE_MODEL: z
      .string()
      .min(1)
      .prefault('gpt-image-1')
      .describe('model for images; must support image edits'),
    AI_IMAGE_BASE_URL: httpUrl
      .optional()
      .meta({ description: 'address of a different service for images', unset: '`AI_BASE_URL`' }),
    AI_IMAGE_API_KEY: key.meta({ description: 'key of the service for images', unset: '`AI_API_KEY`' }),
    HTTPS_PROXY: proxy.meta({
      description:
        '`http://host:port` of a proxy for AI services with an https address (also as `https_proxy`)',
      unset: 'none',
    }),
    HTTP_PROXY: proxy.meta({
      description: 'proxy for AI services with an http address (also as `http_proxy`)',
      unset: 'none',
    }),
    NO_PROXY: text.meta({
      description:
        'hosts that are called without a proxy: names, IP addresses or ranges, separated by commas (also as `no_proxy`)',
      unset: 'this machine only',
    }),
    AI_TIMEOUT: duration.prefault('180s').describe('time limit of one call'),
    PROVIDER_WAIT: duration
      .prefault('600s')
      .describe('how long a preview waits for an AI service that keeps failing before the preview fails'),
  },
  'Pages and images': {
    FETCH_TIMEOUT: duration.prefault('20s').describe('time limit for fetching a page or an image'),
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
        description:
          'hosts (`host:port, …`) that may be fetched, or used for webhooks, although they are not public; for development',
        unset: 'none',
      }),
    FETCH_ALLOW_PORTS: readBy(parseAllowPorts).prefault('').meta({
      description:
        'ports that pages, images and webhooks may use in addition to 80 and 443, separated by commas',
      unset: 'none',
    }),
    FETCH_PROXY: proxy.meta({
      description: '`http://host:port` of a proxy for pages, images and webhooks',
      unset: 'none',
    }),
    FETCH_ROBOTS: z.enum(['off', 'on']).prefault('off').describe('`on` to obey the robots.txt of shops'),
    IMAGE_RANKER: z
      .enum(['auto', 'clip', 'heuristic'])
      .prefault('auto')
      .describe('`clip`, `heuristic` (rules), or `auto` (CLIP if its model can be loaded, otherwise rules)'),
    CLIP_MODEL: text.meta({
      description:
        '`Xenova/clip-vit-base-patch32`, another CLIP model in ONNX format on the hub, or a local folder',
      unset: 'none',
    }),
  },
  Process: {
    WORKER_CONCURRENCY: count(1000)
      .prefault('50')
      .describe('maximum number of previews in progress in each process'),
    STOP_GRACE: duration
      .prefault('10s')
      .describe('after SIGTERM, the time for work in progress to finish; the rest is requeued'),
    STOP_DELAY: z
      .literal('0')
      .transform(() => 0)
      .or(duration)
      .prefault('1s')
      .describe(
        'after SIGTERM, how long the API keeps serving while load balancers and clients switch to other processes; may be `0`',
      ),
    HEALTH_PORT: httpPort.optional().meta({
      description: 'additional port for `/livez` and `/readyz`, which the port of the API always serves',
      unset: 'none',
    }),
    METRICS_PORT: httpPort.optional().meta({
      description: 'port for the Prometheus metrics at `/metrics`; may be the same as `HEALTH_PORT`',
      unset: 'none',
    }),
    OTEL_EXPORTER_OTLP_ENDPOINT: httpUrl.optional().meta({
      description:
        'address of an OpenTelemetry collector for traces; the other `OTEL_…` variables work as specified',
      unset: 'none',
    }),
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: httpUrl
      .optional()
      .meta({ description: 'full address for traces, such as `…/v1/traces`', unset: 'none' }),
    LOG_LEVEL: z
      .enum(['debug', 'info', 'warn', 'error', 'silent'])
      .prefault('info')
      .describe('`debug`, `info`, `warn`, `error` or `silent`; the log is written to standard error'),
  },
  Retention: {
    KEEP_BATCHES: retention
      .prefault('365d')
      .describe('how long a finished batch and its previews are kept, or `off` to keep them forever'),
    KEEP_CALLS: retention
      .prefault('90d')
      .describe('how long calls that are no longer needed are kept on the ledger, or `off`'),
  },
};

const settingsSchema = z.object({
  ...SETTINGS.Database,
  ...SETTINGS.API,
  ...SETTINGS['AI calls'],
  ...SETTINGS['Pages and images'],
  ...SETTINGS.Process,
  ...SETTINGS.Retention,
});

/** Adds the rules that concern several settings. */
const checkedSchema = settingsSchema
  .refine((settings) => settings.IMAGE_RANKER !== 'clip' || settings.CLIP_MODEL !== undefined, {
    path: ['IMAGE_RANKER'],
    error: 'requires CLIP_MODEL: a model such as Xenova/clip-vit-base-patch32, or a folder that contains one',
  })
  .refine((settings) => isOwnPort(settings.HEALTH_PORT, settings.PORT), {
    path: ['HEALTH_PORT'],
    error: 'must not be PORT, which already serves /livez and /readyz',
  })
  .refine((settings) => isOwnPort(settings.METRICS_PORT, settings.PORT), {
    path: ['METRICS_PORT'],
    error: 'must not be PORT, which is public',
  });

/** Whether a port does not conflict with that of the API. 0 never does: it means any free port. */
function isOwnPort(port: number | undefined, apiPort: number): boolean {
  return port === undefined || port === 0 || port !== apiPort;
}

export type Settings = z.output<typeof settingsSchema>;

/** A setting is invalid. The message tells the user what to change. */
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
