import { expect, test } from 'vitest';
import { checkWebhookAddress } from './check-address.ts';

const rules = { allowHosts: new Set(['127.0.0.1:8080', 'hooks.test:80']), allowPorts: new Set([8443]) };

test.each([
  ['https://hooks.example/in?key=1#part', 'https://hooks.example/in?key=1'],
  ['HTTPS://Hooks.Example:8443', 'https://hooks.example:8443/'],
  ['http://127.0.0.1:8080/in', 'http://127.0.0.1:8080/in'],
  ['http://hooks.test/', 'http://hooks.test/'],
  ['https://127.0.0.1:8080/', 'https://127.0.0.1:8080/'],
])('accepts %s', (text, href) => {
  expect(checkWebhookAddress(text, rules).href).toBe(href);
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
  ['https://hooks.example:5432/', 'address_refused'],
])('refuses %s', (text, code) => {
  expect(() => checkWebhookAddress(text, rules)).toThrow(expect.objectContaining({ code }));
});

test('names the setting for a refused port, and says when a user name is the problem', () => {
  expect(() => checkWebhookAddress('https://hooks.example:9443/', rules)).toThrow(
    'Port 9443 is not allowed. The allowed ports are 80, 443 and those in the setting FETCH_ALLOW_PORTS.',
  );
  expect(() => checkWebhookAddress('https://token@hooks.example/', rules)).toThrow(
    'The address must not have a user name or password.',
  );
});
