import { expect, test } from 'vitest';
import { readSettings } from './config.ts';
import { findUnheardSettings } from './find-unheard-settings.ts';

const find = (environment: Record<string, string>) =>
  findUnheardSettings(environment, readSettings(environment));
const names = (environment: Record<string, string>) => find(environment).map(({ setting }) => setting);

test('warns about settings of an AI service without a key', () => {
  const service = { AI_BASE_URL: 'http://127.0.0.1:11434/v1', AI_TEXT_MODEL: 'llama3' };
  const found = find(service);
  expect(found.map(({ setting }) => setting)).toEqual(['AI_TEXT_MODEL', 'AI_BASE_URL']);
  expect(found[1]?.says).toMatch(/^AI_BASE_URL is set .+ Ollama, set AI_API_KEY to any value\.$/);
  expect(names({ ...service, AI_API_KEY: 'ollama' })).toEqual([]);
  expect(names({ AI_IMAGE_BASE_URL: 'http://a/v1', AI_IMAGE_MODEL: 'x', AI_TIMEOUT: '5s' })).toEqual([
    'AI_IMAGE_BASE_URL',
    'AI_IMAGE_MODEL',
    'AI_TIMEOUT',
  ]);
  expect(names({ AI_IMAGE_API_KEY: 'k', AI_BASE_URL: 'http://a/v1' })).toEqual(['AI_IMAGE_API_KEY']);
  expect(
    names({ AI_IMAGE_API_KEY: 'k', AI_IMAGE_BASE_URL: 'http://a/v1', AI_BASE_URL: 'http://b/v1' }),
  ).toEqual(['AI_BASE_URL', 'AI_IMAGE_API_KEY']);
});

test.each([
  [{ IMAGE_RANKER: 'heuristic', CLIP_MODEL: 'm' }, ['CLIP_MODEL']],
  [{ IMAGE_RANKER: 'auto', CLIP_MODEL: 'm' }, []],
  [
    { OTEL_SERVICE_NAME: 'cta', OTEL_EXPORTER_OTLP_HEADERS: 'a=b' },
    ['OTEL_SERVICE_NAME', 'OTEL_EXPORTER_OTLP_HEADERS'],
  ],
  [{ OTEL_SERVICE_NAME: 'cta', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318' }, []],
  [{ OTEL_SERVICE_NAME: 'cta', OTEL_SDK_DISABLED: 'true' }, []],
  [{ OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://c:4318', OTEL_LOG_LEVEL: 'debug' }, []],
])('%j', (environment, expected) => {
  expect(names(environment as unknown as Record<string, string>)).toEqual(expected);
});

test.each([
  ['AI_APIKEY', 'AI_API_KEY'],
  ['AI_KEY', 'AI_API_KEY'],
  ['AI_TEXT_API_KEY', 'AI_API_KEY'],
  ['ai_api_key', 'AI_API_KEY'],
  ['AI_MODEL', 'AI_TEXT_MODEL'],
  ['PREVIEW_RATELIMIT', 'PREVIEW_RATE_LIMIT'],
  ['PREVIEW_LIMIT', 'PREVIEW_RATE_LIMIT'],
  ['PREVIEW_RATE_LIMITS', 'PREVIEW_RATE_LIMIT'],
  ['DATABASE_URI', 'DATABASE_URL'],
  ['DATABSAE_URL', 'DATABASE_URL'],
  ['WORKERCONCURRENCY', 'WORKER_CONCURRENCY'],
  ['KEEP-BATCHES', 'KEEP_BATCHES'],
])('suggests for %s the setting %s', (name, setting) => {
  expect(find({ [name]: 'x' })).toEqual([
    { setting: name, says: `${name} is not a setting and has no effect. Did you mean ${setting}?` },
  ]);
});

test('accepts proxy settings in lower case', () => {
  const proxies = { https_proxy: 'http://p:1', http_proxy: 'http://p:1', no_proxy: 'ai.example' };
  expect(find(proxies)).toEqual([]);
  expect(names({ ...proxies, HTTPS_PROXI: 'x' })).toEqual([]);
  expect(names({ HTTPS_PROXI: 'x' })).toEqual(['HTTPS_PROXI']);
});

test('ignores the variables of other programs', () => {
  const foreign = [
    'HOSTNAME',
    'HOSTS',
    'PORTS',
    'PATH',
    'HOME',
    'LANG',
    'OPENAI_API_KEY',
    'OPENAI_BASE_URL',
    'AI_GATEWAY_API_KEY',
  ];
  const more = [
    'DATABASE_HOST',
    'PGHOST',
    'PREVIEW_URL',
    'npm_config_loglevel',
    'NODE_OPTIONS',
    'MAX_SIZE',
    'HTTPS_PROXY',
  ];
  for (const name of [...foreign, ...more]) expect(names({ [name]: 'x' }), name).toEqual([]);
  // The right name is given too, so the other one belongs to another program.
  expect(names({ DATABASE_URI: 'x', DATABASE_URL: 'postgres://u@h/d' })).toEqual([]);
  expect(names({ AI_APIKEY: '  ' })).toEqual([]);
});
