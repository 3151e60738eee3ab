import { expect, test } from 'vitest';
import { readSettings } from './config.ts';

const read = (value: string | undefined) => readSettings({ EMBED_ANCESTORS: value }).EMBED_ANCESTORS;

test.each([
  [undefined, '*'],
  ['*', '*'],
  ['none', "'none'"],
  ["'none'", "'none'"],
  ['self', "'self'"],
  ["'self', https://shop.example", "'self' https://shop.example"],
  [
    'https://*.shop.example http://127.0.0.1:8080,https://xn--bcher-kva.example',
    'https://*.shop.example http://127.0.0.1:8080 https://xn--bcher-kva.example',
  ],
])('converts EMBED_ANCESTORS %j to a policy', (value, expected) => {
  expect(read(value)).toBe(expected);
});

test.each([
  'shop.example',
  'https://shop.example/',
  'https://shop.example/path',
  'https://shop.example;script-src',
  'https://user@shop.example',
  'https://shop.example:99999',
  '*, https://shop.example',
  "'none' https://shop.example",
  "'unsafe-inline'",
  'https://*',
  'javascript:x',
  ',',
])('rejects EMBED_ANCESTORS %j by name', (value) => {
  expect(() => read(value)).toThrow(/^EMBED_ANCESTORS must be origins such as .+\.$/);
});

test('rejects a monitoring port that is the port of the API', () => {
  expect(() => readSettings({ HEALTH_PORT: '3000' })).toThrow(/^HEALTH_PORT must not be PORT/);
  expect(() => readSettings({ PORT: '80', METRICS_PORT: '80' })).toThrow(/^METRICS_PORT must not be PORT/);
  expect(readSettings({ PORT: '0', HEALTH_PORT: '0' })).toMatchObject({ PORT: 0, HEALTH_PORT: 0 });
});

test('reads the ports that may be fetched', () => {
  expect(readSettings({}).FETCH_ALLOW_PORTS).toEqual(new Set());
  expect(readSettings({ FETCH_ALLOW_PORTS: '8080, 8443' }).FETCH_ALLOW_PORTS).toEqual(new Set([8080, 8443]));
});

test.each(['0', '65536', '80a', '-1', '25', '8080, 22'])('rejects FETCH_ALLOW_PORTS %j', (value) => {
  expect(() => readSettings({ FETCH_ALLOW_PORTS: value })).toThrow(
    /^FETCH_ALLOW_PORTS .*(not a port|cannot be used)/,
  );
});

test.each(['HTTPS_PROXY', 'HTTP_PROXY', 'FETCH_PROXY'] as const)(
  'reads %s as the address of a proxy',
  (name) => {
    expect(readSettings({ [name]: 'proxy.example:3128' })[name]?.href).toBe('http://proxy.example:3128/');
    expect(readSettings({ [name]: ' ' })[name]).toBeUndefined();
    const read = () => readSettings({ [name]: 'http://user:s3cret-word@proxy.example:3128/path' });
    expect(read).toThrow(new RegExp(`^${name} must be a host and a port`));
    expect(read).not.toThrow('s3cret-word');
  },
);

test('prefers lower case names of proxy settings to upper case', () => {
  const settings = readSettings({
    https_proxy: 'http://lower:1',
    HTTPS_PROXY: 'http://upper:1',
    no_proxy: 'ai.example',
    http_proxy: '',
    HTTP_PROXY: 'http://upper:2',
  });
  expect(settings.HTTPS_PROXY?.host).toBe('lower:1');
  expect(settings.HTTP_PROXY?.host).toBe('upper:2');
  expect(settings.NO_PROXY).toBe('ai.example');
});
