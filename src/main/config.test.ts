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
])('EMBED_ANCESTORS %j is written as a policy has it', (value, expected) => {
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
])('EMBED_ANCESTORS %j is refused with its name', (value) => {
  expect(() => read(value)).toThrow(/^EMBED_ANCESTORS must be origins such as .+\.$/);
});

test('a port for watching is another one than the API’s', () => {
  expect(() => readSettings({ HEALTH_PORT: '3000' })).toThrow(/^HEALTH_PORT must be another port than PORT/);
  expect(() => readSettings({ PORT: '80', METRICS_PORT: '80' })).toThrow(
    /^METRICS_PORT must be another port/,
  );
  expect(readSettings({ PORT: '0', HEALTH_PORT: '0' })).toMatchObject({ PORT: 0, HEALTH_PORT: 0 });
});
