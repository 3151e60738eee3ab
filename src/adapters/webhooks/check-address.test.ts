import { expect, test } from 'vitest';
import { checkWebhookAddress } from './check-address.ts';

const allowed = new Set(['127.0.0.1:8080', 'hooks.test:80']);

test.each([
  ['https://hooks.example/in?key=1#part', 'https://hooks.example/in?key=1'],
  ['HTTPS://Hooks.Example:8443', 'https://hooks.example:8443/'],
  ['http://127.0.0.1:8080/in', 'http://127.0.0.1:8080/in'],
  ['http://hooks.test/', 'http://hooks.test/'],
  ['https://127.0.0.1:8080/', 'https://127.0.0.1:8080/'],
])('%s can be told', (text, href) => {
  expect(checkWebhookAddress(text, allowed).href).toBe(href);
});

test.each([
  ['hooks.example', 'validation'],
  ['ftp://hooks.example/', 'validation'],
  ['', 'validation'],
  [`https://hooks.example/${'x'.repeat(2048)}`, 'validation'],
  ['https://user:word@hooks.example/', 'validation'],
  ['http://hooks.example/', 'validation'],
  ['http://127.0.0.1:8081/', 'validation'],
  ['http://hooks.test:8080/', 'validation'],
  ['https://127.0.0.1/', 'address_refused'],
  ['https://0x7f.1/', 'address_refused'],
  ['https://[::1]/', 'address_refused'],
  ['https://169.254.169.254/', 'address_refused'],
  ['https://hooks.example:22/', 'address_refused'],
])('%s is refused', (text, code) => {
  expect(() => checkWebhookAddress(text, allowed)).toThrow(expect.objectContaining({ code }));
});
