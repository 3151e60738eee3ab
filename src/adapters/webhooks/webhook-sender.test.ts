import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type FakeReceiver, startFakeReceiver } from '../../../test/fakes/fake-receiver.ts';
import type { LookupAll } from '../net/host-resolver.ts';
import { createWebhookSender, type WebhookSender, type WebhookSenderOptions } from './webhook-sender.ts';

const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const never = new AbortController().signal;
let receiver: FakeReceiver;
const senders: WebhookSender[] = [];
beforeEach(async () => {
  receiver = await startFakeReceiver();
});
afterEach(async () => {
  await Promise.all(senders.splice(0).map((sender) => sender.close()));
  await receiver.close();
});

function open(options: Partial<WebhookSenderOptions> = {}) {
  const sender = createWebhookSender({ allowHosts: new Set([receiver.host]), ...options });
  senders.push(sender);
  return (url = receiver.url, signal = never) =>
    sender.send(
      { id: 'msg_1', url, secret, body: '{"type":"test","price":"46.00 €"}' },
      { owner: 'alice', signal },
    );
}

test('delivers a message unchanged, with a signature that the library accepts', async () => {
  expect(await open()(`${receiver.url}?key=1`)).toEqual({ status: 204, error: null });
  const [message] = receiver.messages;
  expect(message).toMatchObject({
    path: '/hook?key=1',
    headers: { 'content-type': 'application/json', 'webhook-id': 'msg_1' },
  });
  expect(new Webhook(secret).verify(message?.body ?? '', message?.headers ?? {})).toEqual({
    type: 'test',
    price: '46.00 €',
  });
});

test('judges any response by its status', async () => {
  const send = open();
  receiver.script(500, 410, (response) => {
    response.writeHead(302, { location: receiver.url }).end();
  });
  expect([await send(), await send(), await send()].map(({ status }) => status)).toEqual([500, 410, 302]);
  expect(receiver.messages).toHaveLength(3);
});

test('returns the requested delay, given in seconds or as a date', async () => {
  const send = open();
  const answer = (retryAfter: string) => (response: ServerResponse) =>
    response.writeHead(429, { 'retry-after': retryAfter }).end();
  receiver.script(answer('120'), answer('Fri, 31 Dec 1999 23:59:59 GMT'), answer('soon'));
  expect(await send()).toEqual({ status: 429, error: null, retryAfterMs: 120_000 });
  expect(await send()).toEqual({ status: 429, error: null, retryAfterMs: 0 });
  expect(await send()).toEqual({ status: 429, error: null });
});

test('accepts the status of a response with an endless or truncated body', async () => {
  const closed = Promise.withResolvers<void>();
  receiver.script(
    (response) => {
      response.once('close', closed.resolve).writeHead(200);
      const more = () => response.write(Buffer.alloc(64 * 1024), more);
      more();
    },
    (response) => {
      response.writeHead(200, { 'content-length': '100' }).write('x');
      setImmediate(() => response.destroy());
    },
  );
  const send = open();
  expect(await send()).toEqual({ status: 200, error: null });
  await closed.promise;
  expect(await send()).toEqual({ status: 200, error: null });
});

test('reports a timeout, a missing response, and a response that is not HTTP', async () => {
  receiver.script(
    () => {},
    (response) => response.destroy(),
  );
  const send = open({ timeoutMs: 300 });
  expect(await send()).toEqual({ status: null, error: 'The receiver did not answer in time.' });
  expect(await open()()).toEqual({
    status: null,
    error: expect.stringMatching(/^The receiver could not be reached \(\w+\)\.$/),
  });
  const other = createServer((socket) => socket.end('SSH-2.0\r\n\r\n').resume()).listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as { port: number };
  const talk = open({ allowHosts: new Set([`127.0.0.1:${port}`]) });
  expect(await talk(`http://127.0.0.1:${port}/`)).toEqual({
    status: null,
    error: 'The response was not valid HTTP.',
  });
  other.close();
  await once(other, 'close');
  expect(await talk(`http://127.0.0.1:${port}/`)).toEqual({
    status: null,
    error: 'The receiver could not be reached (ECONNREFUSED).',
  });
});

test('does not send to a name with an address that is not public', async () => {
  const lookupAll: LookupAll = (_host, _options, callback) =>
    callback(null, [{ address: '127.0.0.1', family: 4 }]);
  const send = open({ lookupAll, allowPorts: new Set([receiver.port]) });
  expect(await send(`https://hooks.example:${receiver.port}/`)).toEqual({
    status: null,
    error: 'The address is not a public web address, so nothing was sent to it.',
  });
  await expect(open({ allowHosts: new Set() })()).rejects.toMatchObject({ code: 'validation' });
  await expect(send('https://[::1]/')).rejects.toMatchObject({ code: 'address_refused' });
  expect(receiver.messages).toEqual([]);
});

test('throws the reason of an abort', async () => {
  const stopped = new AbortController();
  const reason = new Error('stopped');
  receiver.script(() => stopped.abort(reason));
  await expect(open()(receiver.url, stopped.signal)).rejects.toBe(reason);
});
