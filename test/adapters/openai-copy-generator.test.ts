import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import type { Brief } from '../../src/adapters/ai/ai-provider.ts';
import { createOpenAiCopyGenerator } from '../../src/adapters/ai/openai-copy-generator.ts';
import { startFakeAi } from '../fakes/fake-ai.ts';
import { measureCpuMs } from '../support/measure-cpu-ms.ts';
import { makeCall } from './make-call.ts';

const ai = await startFakeAi();
afterAll(() => ai.close());
afterEach(() => vi.useRealTimers());
beforeEach(() => {
  ai.calls.length = 0;
  ai.setScript(undefined);
});

const API_KEY = 'sk-very-secret';
const generator = createOpenAiCopyGenerator({ baseUrl: ai.baseUrl, apiKey: API_KEY, model: 'text-1' });
const brief: Brief = {
  title: 'Red "Trail" Shoe',
  description: 'Light.',
  brand: 'Northwind',
  priceText: '€ 89',
  locale: 'en',
  tone: null,
  palette: ['#c2382e'],
  variant: 2,
};

test('requests texts with one request that has the key, the schema and the data', async () => {
  const { call, leftAt } = makeCall({ idempotencyKey: 'step-7' });
  const answer = await generator.generateCopy(brief, call);
  expect(answer).toEqual({
    headline: expect.stringContaining('Shoe'),
    subheadline: expect.any(String),
    body: expect.any(String),
    ctaText: 'See it now',
    model: 'text-1',
    usage: { inputTokens: 210, outputTokens: 60 },
  });
  expect(leftAt).toHaveLength(1);
  expect(ai.calls).toHaveLength(1);
  expect(ai.calls[0]).toMatchObject({
    kind: 'text',
    idempotencyKey: 'step-7',
    authorization: `Bearer ${API_KEY}`,
    status: 200,
    outcome: 'answered',
    body: {
      model: 'text-1',
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'cta_prefill', strict: true, schema: { additionalProperties: false } },
      },
    },
  });
});

test.each([
  ['refuse', 'ai_refused'],
  ['policy-error', 'ai_refused'],
  ['wrong-shape', 'ai_bad_answer'],
  ['broken-json', 'ai_bad_answer'],
  ['cut', 'ai_connection_lost'],
  ['cut-body', 'ai_connection_lost'],
  [{ do: 'content', content: '' }, 'ai_bad_answer'],
  [{ do: 'status', status: 200, body: { error: { message: 'no' } } }, 'ai_bad_answer'],
  [{ do: 'status', status: 400 }, 'ai_bad_request'],
  [{ do: 'status', status: 404 }, 'ai_bad_request'],
  [
    { do: 'status', status: 400, body: [{ error: { details: [{ reason: 'API_KEY_INVALID' }] } }] },
    'ai_unauthorized',
  ],
  [
    { do: 'status', status: 400, body: { code: 'DataInspectionFailed', message: 'Fake failure' } },
    'ai_refused',
  ],
  [{ do: 'status', status: 400, body: { error: { code: 'json_validate_failed' } } }, 'ai_bad_answer'],
  [{ do: 'status', status: 498 }, 'ai_server_error'],
  [{ do: 'status', status: 307, headers: { location: '/v1/other' } }, 'ai_bad_request'],
  [{ do: 'status', status: 401 }, 'ai_unauthorized'],
  [{ do: 'status', status: 403 }, 'ai_unauthorized'],
  [{ do: 'status', status: 429 }, 'ai_rate_limited'],
  [{ do: 'status', status: 429, headers: { 'x-should-retry': 'true' } }, 'ai_rate_limited'],
  [{ do: 'status', status: 500 }, 'ai_server_error'],
  [{ do: 'status', status: 503 }, 'ai_server_error'],
] as const)('reports %j as %s after one request', async (behavior, code) => {
  ai.setScript(() => behavior);
  const { call, leftAt } = makeCall();
  const error = await generator.generateCopy(brief, call).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ name: 'AppError', code });
  expect(String(error)).not.toMatch(/secret|Fake failure/);
  expect(leftAt).toHaveLength(1);
  expect(ai.calls).toHaveLength(1);
});

test.each(['wrong-shape', 'refuse', { do: 'content', content: '' }] as const)(
  '%j: keeps the usage that the provider reported',
  async (behavior) => {
    ai.setScript(() => behavior);
    await expect(generator.generateCopy(brief, makeCall().call)).rejects.toMatchObject({
      usage: { inputTokens: 210, outputTokens: 60 },
    });
  },
);

test('Retry-After is passed on', async () => {
  ai.setScript(() => ({ do: 'status', status: 503, headers: { 'retry-after': '12' } }));
  await expect(generator.generateCopy(brief, makeCall().call)).rejects.toMatchObject({
    code: 'ai_rate_limited',
    retryAfterMs: 12_000,
  });
});

test('returns long texts complete and plain', async () => {
  ai.setScript(() => 'long-texts');
  expect((await generator.generateCopy(brief, makeCall().call)).headline.length).toBeGreaterThan(200);
});

test('sends nothing with an expired slot', async () => {
  const { call, leftAt } = makeCall({ sendBefore: performance.now() - 1 });
  await expect(generator.generateCopy(brief, call)).rejects.toMatchObject({ code: 'slot_expired' });
  expect(ai.calls).toHaveLength(0);
  expect(leftAt).toHaveLength(0);
});

test('reports that a request has left before the answer arrives', async () => {
  ai.setScript(() => 'hang');
  const controller = new AbortController();
  const { call, leftAt, left } = makeCall({ signal: controller.signal });
  const generating = generator.generateCopy(brief, call);
  await Promise.race([Promise.all([left, ai.waitForCalls(1)]), generating]);
  controller.abort(new Error('enough'));
  await expect(generating).rejects.toThrow('enough');
  expect(leftAt).toHaveLength(1);
  await ai.waitFor(() => ai.inflight() === 0);
});

test('reports a closed port as unreachable and a hanging service as a timeout', async () => {
  const nowhere = createOpenAiCopyGenerator({ baseUrl: 'http://127.0.0.1:1/v1', apiKey: 'k', model: 'm' });
  await expect(nowhere.generateCopy(brief, makeCall().call)).rejects.toMatchObject({
    code: 'ai_unreachable',
  });
  ai.setScript(() => 'hang');
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const { call, left } = makeCall();
  const generating = generator.generateCopy(brief, call);
  await Promise.all([ai.waitForCalls(1), left]);
  vi.advanceTimersByTime(call.timeoutMs);
  await expect(generating).rejects.toMatchObject({ code: 'ai_timeout' });
  await ai.waitFor((calls) => calls.every((one) => one.outcome === 'abandoned'));
});

test('ends the call on abort with its reason, and closes the connection', async () => {
  ai.setScript(() => 'hang');
  const controller = new AbortController();
  const generating = generator.generateCopy(brief, makeCall({ signal: controller.signal }).call);
  await ai.waitForCalls(1, 'text');
  expect(ai.inflight()).toBe(1);
  const reason = new Error('canceled by the test');
  controller.abort(reason);
  await expect(generating).rejects.toBe(reason);
  await ai.waitFor(() => ai.inflight() === 0);
});

test('rejects an answer of more than 2 MB, because parsing JSON blocks the event loop', async () => {
  const texts = JSON.stringify({ headline: 'H', cta_text: 'C' });
  const choices = [{ finish_reason: 'stop', message: { content: texts } }];
  const behavior = (padding: string) => ({ do: 'status', status: 200, body: { choices, padding } }) as const;
  ai.setScript(() => behavior('x'.repeat(1_000_000)));
  expect(await generator.generateCopy(brief, makeCall().call)).toMatchObject({ headline: 'H' });
  ai.setScript(() => behavior('x'.repeat(2_100_000)));
  await expect(generator.generateCopy(brief, makeCall().call)).rejects.toMatchObject({
    code: 'ai_bad_answer',
  });
});

test('classifies an error of 20 MB of JSON by its status without parsing it', async () => {
  const entry = '{"code":"content_filter"},';
  const body = Buffer.from(`[${entry.repeat(20_000_000 / entry.length)}{}]`);
  // Compressed, so that sending it in this thread costs nothing.
  const compressed = gzipSync(body);
  const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(400, headers).end(compressed);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const large = createOpenAiCopyGenerator({
    baseUrl: `http://127.0.0.1:${port}/v1`,
    apiKey: API_KEY,
    model: 'text-1',
  });
  // The least of three, because a garbage collection may fall into any of them.
  let leastMs = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 3; i += 1) {
    const before = process.threadCpuUsage();
    const error = await large.generateCopy(brief, makeCall().call).catch((reason: unknown) => reason);
    const { user, system } = process.threadCpuUsage(before);
    leastMs = Math.min(leastMs, (user + system) / 1000);
    expect(error).toMatchObject({ code: 'ai_bad_request' });
    expect(String((error as Error).cause).length).toBeLessThan(70_000);
  }
  const parseMs = measureCpuMs(() => JSON.parse(body.toString()));
  expect(leastMs).toBeLessThan(parseMs);
});
