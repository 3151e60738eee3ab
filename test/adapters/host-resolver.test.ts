import { promises as dns, type lookup as dnsLookup } from 'node:dns';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createGuardedFetch } from '../../src/adapters/net/guarded-fetch.ts';
import { createHostResolver, type HostResolver } from '../../src/adapters/net/host-resolver.ts';
import { createHostsFile } from '../../src/adapters/net/read-hosts-file.ts';
import { createSystemLookup } from '../../src/adapters/net/system-lookup.ts';
import { createWebhookSender } from '../../src/adapters/webhooks/webhook-sender.ts';
import { type FakeDns, startFakeDns } from '../fakes/fake-dns.ts';
import { poll } from '../support/poll.ts';

let server: FakeDns;
let resolver: HostResolver;
beforeEach(async () => {
  server = await startFakeDns();
  resolver = createHostResolver({ servers: [server.server], hostsFile: async () => [] });
});
afterEach(() => server.close());

const never = new AbortController().signal;
const alice = { owner: 'alice', signal: never };
const bob = { owner: 'bob', signal: never };
/** The names that have been asked for. */
const asked = () => new Set([...server.questions.keys()].map((key) => key.split(' ')[0]));
const untilAsked = (names: number) =>
  poll(
    async () => asked().size,
    (size) => size === names,
  );

test('resolves both address families, only one of them, or none', async () => {
  server.records.set('both.test', { v4: ['93.184.216.34', '93.184.216.35'], v6: ['2606:4700::1111'] });
  server.records.set('old.test', { v4: ['93.184.216.34'] });
  server.records.set('new.test', { v6: ['2606:4700::1111'] });
  server.records.set('none.test', {});
  expect(await resolver.resolve('both.test', alice)).toEqual([
    { address: '93.184.216.34', family: 4 },
    { address: '93.184.216.35', family: 4 },
    { address: '2606:4700::1111', family: 6 },
  ]);
  expect(await resolver.resolve('old.test', alice)).toEqual([{ address: '93.184.216.34', family: 4 }]);
  expect(await resolver.resolve('new.test', alice)).toEqual([{ address: '2606:4700::1111', family: 6 }]);
  await expect(resolver.resolve('none.test', alice)).rejects.toMatchObject({ code: 'dns_failed' });
});

test('does not delay one address family when the other gets no answer', async () => {
  server.records.set('half.test', { v4: ['93.184.216.34'], v6: ['silent'] });
  const patient = createHostResolver({ servers: [server.server], timeoutMs: 600_000 });
  expect(await patient.resolve('half.test', alice)).toEqual([{ address: '93.184.216.34', family: 4 }]);
});

test.each(['nxdomain', 'servfail', 'refused', 'silent'] as const)(
  'reports %s as dns_failed',
  async (failure) => {
    server.records.set('shop.test', failure);
    const hasty = createHostResolver({ servers: [server.server], timeoutMs: 300 });
    await expect(hasty.resolve('shop.test', alice)).rejects.toMatchObject({ code: 'dns_failed' });
  },
);

test('reports a missing DNS server as dns_failed, and not as an unreachable shop', async () => {
  const nobody = createHostResolver({ servers: ['127.0.0.1:1'], timeoutMs: 300 });
  const guarded = createGuardedFetch({
    allowHosts: new Set(),
    timeoutMs: 5000,
    userAgent: 'x',
    resolver: nobody,
  });
  const request = { accept: '*/*', maxBytes: 100, ...alice };
  await expect(guarded.fetchBytes('http://shop.test/', request)).rejects.toMatchObject({
    code: 'dns_failed',
  });
  const sender = createWebhookSender({ allowHosts: new Set(), resolver: nobody });
  const message = { id: '1', url: 'https://hooks.test/', secret: 'whsec_AAAA', body: '{}' };
  expect(await sender.send(message, alice)).toEqual({
    status: null,
    error: 'The host name could not be found.',
  });
  await Promise.all([guarded.close(), sender.close()]);
});

test('caches answers and failures, and shares equal lookups', async () => {
  server.records.set('shop.test', { v4: ['93.184.216.34'], ttl: 0 });
  server.records.set('gone.test', 'nxdomain');
  await Promise.all([alice, bob, alice].map((requester) => resolver.resolve('shop.test', requester)));
  await resolver.resolve('shop.test', bob);
  for (const requester of [alice, bob]) {
    await expect(resolver.resolve('gone.test', requester)).rejects.toMatchObject({ code: 'dns_failed' });
  }
  expect([...server.questions.values()]).toEqual([1, 1, 1, 1]);
});

test('a page with unanswered names delays neither other pages nor getaddrinfo', async () => {
  server.records.set('bob.test', { v4: ['93.184.216.34'] });
  const controller = new AbortController();
  const requester = { owner: 'alice', signal: controller.signal };
  const names = Array.from({ length: 20 }, (_, i) => `i${i}.evil.test`);
  const patient = createHostResolver({ servers: [server.server], timeoutMs: 600_000 });
  let settled = 0;
  const lookups = names.map((name) =>
    patient.resolve(name, requester).catch((error: unknown) => {
      settled += 1;
      return error;
    }),
  );
  await untilAsked(4);
  // Bob's lookup comes after Alice's, in the same resolver.
  expect(await patient.resolve('bob.test', bob)).toHaveLength(1);
  // These run getaddrinfo in libuv's thread pool. If Alice's names did so too, two silent ones
  // would block all of these.
  const system = await Promise.all(Array.from({ length: 8 }, () => dns.lookup('localhost')));
  expect(system).toHaveLength(8);
  // Alice's lookups did not have to end for that, and four of them run at once.
  expect(settled).toBe(0);
  expect(asked().size).toBe(5);
  const reason = new Error('cancelled');
  controller.abort(reason);
  expect(await Promise.all(lookups)).toEqual(names.map(() => reason));
});

test('shares the concurrent lookups of the process among many owners', async () => {
  const controller = new AbortController();
  const patient = createHostResolver({ servers: [server.server], timeoutMs: 600_000 });
  const lookups = Array.from({ length: 40 }, (_, i) => {
    const requester = { owner: `owner ${i % 10}`, signal: controller.signal };
    return patient.resolve(`i${i}.evil.test`, requester).catch(() => undefined);
  });
  await untilAsked(16);
  controller.abort(new Error('over'));
  await Promise.all(lookups);
  expect(asked().size).toBe(16);
});

test('ends the lookup on abort, only for its requester', async () => {
  const patient = createHostResolver({ servers: [server.server], timeoutMs: 600_000 });
  const controller = new AbortController();
  const reason = new Error('stop');
  const first = patient.resolve('slow.test', { owner: 'alice', signal: controller.signal });
  const second = patient.resolve('slow.test', bob);
  await untilAsked(1);
  controller.abort(reason);
  await expect(first).rejects.toBe(reason);
  // The resolver repeats its question after a second, and then gets an answer.
  server.records.set('slow.test', { v4: ['93.184.216.34'] });
  expect(await second).toHaveLength(1);
  await expect(patient.resolve('slow.test', { owner: 'alice', signal: controller.signal })).rejects.toBe(
    reason,
  );
});

test('does not cache an abandoned lookup as a failure', async () => {
  const controller = new AbortController();
  const first = resolver.resolve('late.test', { owner: 'alice', signal: controller.signal });
  await untilAsked(1);
  controller.abort(new Error('stop'));
  await expect(first).rejects.toThrow('stop');
  server.records.set('late.test', { v4: ['93.184.216.34'] });
  expect(await resolver.resolve('late.test', bob)).toHaveLength(1);
});

test('resolves localhost without a lookup', async () => {
  for (const name of ['localhost', 'localhost.', 'shop.localhost']) {
    expect(await resolver.resolve(name, alice)).toEqual([{ address: '127.0.0.1', family: 4 }]);
  }
  expect(server.questions.size).toBe(0);
});

test('prefers the hosts file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'cta-hosts-'));
  const path = join(folder, 'hosts');
  await writeFile(
    path,
    '# mine\n93.184.216.34 Shop.test www.shop.test # a shop\n::1 six.test\n93.184.216.35 shop.test\nx y\n',
  );
  const local = createHostResolver({ servers: [server.server], hostsFile: createHostsFile(path) });
  expect(await local.resolve('shop.test', alice)).toEqual([
    { address: '93.184.216.34', family: 4 },
    { address: '93.184.216.35', family: 4 },
  ]);
  expect(await local.resolve('six.test', alice)).toEqual([{ address: '::1', family: 6 }]);
  server.records.set('other.test', { v4: ['93.184.216.36'] });
  expect(await local.resolve('other.test', alice)).toEqual([{ address: '93.184.216.36', family: 4 }]);
  expect(await createHostsFile(join(folder, 'none'))('shop.test')).toEqual([]);
  await rm(folder, { recursive: true });
});

test('a page with unanswered names ends with its own timeout', async () => {
  const guarded = createGuardedFetch({ allowHosts: new Set(), timeoutMs: 200, userAgent: 'x', resolver });
  const request = { accept: '*/*', maxBytes: 100, ...alice };
  await expect(guarded.fetchBytes('http://silent.test/', request)).rejects.toMatchObject({
    code: 'page_timeout',
  });
  await guarded.close();
});

test('shares one getaddrinfo lookup between pages and webhooks', async () => {
  const site = createServer((_request, response) => response.end('ok'));
  await once(site.listen(0, '127.0.0.1'), 'listening');
  const host = `shop.test:${(site.address() as AddressInfo).port}`;
  const names: string[] = [];
  const lookup = ((hostname: string, _options: unknown, callback: (...args: unknown[]) => void) => {
    names.push(hostname);
    setImmediate(callback, null, [{ address: '127.0.0.1', family: 4 }]);
  }) as unknown as typeof dnsLookup;
  const shared = createHostResolver({ systemLookup: createSystemLookup(lookup) });
  const rules = { allowHosts: new Set([host]), timeoutMs: 10_000, resolver: shared };
  const pages = createGuardedFetch({ ...rules, userAgent: 'x' });
  const webhooks = createWebhookSender(rules);
  const secret = `whsec_${Buffer.alloc(24).toString('base64')}`;
  const url = `http://${host}/`;
  const [page, told] = await Promise.all([
    pages.fetchBytes(url, { accept: '*/*', maxBytes: 100, ...alice }),
    webhooks.send({ id: 'm', url, secret, body: '{}' }, bob),
  ]);
  expect([page.status, told.status]).toEqual([200, 200]);
  expect(names).toEqual(['shop.test']);
  await pages.close();
  await webhooks.close();
  site.close();
});
