import { expect, test } from 'vitest';
import { chooseProxy, parseProxy, proxyAuthorization, proxySecrets } from './proxy.ts';

test.each([
  ['http://proxy.example:3128', 'http://proxy.example:3128/'],
  ['proxy.example:3128', 'http://proxy.example:3128/'],
  ['https://user:word@[2001:db8::1]:8443', 'https://user:word@[2001:db8::1]:8443/'],
])('accepts %s as a proxy', (text, href) => {
  expect(parseProxy(text).href).toBe(href);
});

test.each([
  ['socks5://proxy.example:1080', 'other kinds'],
  ['http://proxy.example:99999', 'address of a proxy'],
  ['http://:3128', 'address of a proxy'],
  ['http://user:pa/ss@proxy.example:3128', 'address of a proxy'],
  ['http://proxy.example:3128/path', 'no path'],
  ['http://user:100%@proxy.example', '%25'],
])('rejects %s without repeating it in the message', (text, message) => {
  expect(() => parseProxy(text)).toThrow(message);
  expect(() => parseProxy(text)).not.toThrow(text);
});

test('sends credentials decoded, and treats them as secrets', () => {
  const proxy = parseProxy('http://us%40er:pa%2Fss@proxy.example:3128');
  const sent = Buffer.from('us@er:pa/ss').toString('base64');
  expect(proxyAuthorization(proxy)).toEqual({ 'proxy-authorization': `Basic ${sent}` });
  expect(proxySecrets(proxy)).toEqual(['pa%2Fss', sent]);
  expect(proxyAuthorization(parseProxy('http://proxy.example'))).toEqual({});
  expect(proxySecrets(undefined)).toEqual([]);
});

const https = new URL('http://proxy.example:3128');
const isDirect = (url: string, except = '') => chooseProxy(new URL(url), { https, except }) === undefined;

test('chooses the proxy by protocol', () => {
  expect(isDirect('https://ai.example/v1')).toBe(false);
  expect(isDirect('http://ai.example/v1')).toBe(true);
});

test.each([
  'https://localhost/',
  'https://api.localhost:8080/',
  'https://127.0.0.1/',
  'https://127.8.9.10/',
  'https://[::1]/',
])('recognizes %s as this machine', (url) => {
  expect(isDirect(url)).toBe(true);
});

test.each([
  ['https://ai.example/', '*'],
  ['https://ai.example/', 'other.example, AI.example'],
  ['https://ai.example./', 'ai.example'],
  ['https://eu.ai.example/', 'ai.example'],
  ['https://eu.ai.example/', '.ai.example'],
  ['https://eu.ai.example/', '*.ai.example'],
  ['https://ai.example/', 'ai.example:443'],
  ['https://10.1.2.3/', '10.0.0.0/8'],
  ['https://10.1.2.3/', '10.1.2.3'],
  ['https://[fd00::1]/', 'fd00::/8'],
  ['https://[fd00::1]:8443/', '[fd00:0::1]:8443'],
])('calls %s directly with NO_PROXY=%s', (url, except) => {
  expect(isDirect(url, except)).toBe(true);
});

test.each([
  ['https://myai.example/', 'ai.example'],
  ['https://ai.example.com/', 'ai.example'],
  ['https://ai.example:8443/', 'ai.example:443'],
  ['https://11.1.2.3/', '10.0.0.0/8'],
  ['https://10.1.2.3/', '10.0.0.0/99'],
  ['https://ai.example/', ', ,'],
  ['https://ai.example/', '10.0.0.0/8'],
])('uses the proxy for %s with NO_PROXY=%s', (url, except) => {
  expect(isDirect(url, except)).toBe(false);
});
