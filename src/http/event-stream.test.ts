import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import fastify from 'fastify';
import { expect, onTestFinished, test } from 'vitest';
import { responseSignal } from './event-stream.ts';

test('ends a stream whose client disconnected before it started', async () => {
  const app = fastify();
  onTestFinished(() => app.close());
  const seen = Promise.withResolvers<boolean>();
  const arrived = Promise.withResolvers<void>();
  app.get('/', async (_request, reply) => {
    arrived.resolve();
    await once(reply.raw, 'close');
    seen.resolve(responseSignal(reply).aborted);
    return '';
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const request = http.get({ port: (app.server.address() as AddressInfo).port });
  request.on('error', () => {});
  await arrived.promise;
  request.destroy();
  expect(await seen.promise).toBe(true);
});
