import { expect, test } from 'vitest';
import { createSecretHider } from './hide-secrets.ts';

test.each([
  ['postgres://cta:p%40ss@db.internal:5432/cta', 'postgres://cta:***@db.internal:5432/cta'],
  ['connect to "postgresql://:word@[::1]/x" failed', 'connect to "postgresql://:***@[::1]/x" failed'],
  ['https://shop.example/p?X-Amz-Signature=abc&x=1 is gone', 'https://shop.example/p?*** is gone'],
  ['http://a/?b=1 and https://c/d?e=https://f/?g "http://h"', 'http://a/?*** and https://c/d?*** "http://h"'],
  ['{"authorization":"Bearer abc.def-1"}', '{"authorization":"Bearer ***"}'],
  ['Basic dXNlcjpwYXNz', 'Basic ***'],
  [`cta_${'a'.repeat(32)} was refused`, 'cta_*** was refused'],
  ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'whsec_***'],
])('%s', (line, shown) => {
  expect(createSecretHider([])(line)).toBe(shown);
});

test.each([
  'http://127.0.0.1:3000/node_modules/@scope/file.js:10:5',
  'at run (file:///srv/cta/src/queue/run-job.ts:12:3)',
  '{"table":"cta_jobs","step":"preview.generate"}',
])('does not hide %s', (line) => {
  expect(createSecretHider([])(line)).toBe(line);
});

test('hides known secrets in every encoding, and keeps the line valid JSON', () => {
  const hide = createSecretHider(['sk-"quoted"-key', 'p%40ss%2Fword', 'short']);
  const fields = { key: 'sk-"quoted"-key', raw: 'p%40ss%2Fword', decoded: 'p@ss/word', short: 'short' };
  expect(JSON.parse(hide(JSON.stringify(fields)))).toEqual({
    key: '***',
    raw: '***',
    decoded: '***',
    short: 'short',
  });
});
