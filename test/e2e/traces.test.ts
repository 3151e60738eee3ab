import { sql } from 'drizzle-orm';
import { expect, test } from 'vitest';
import { startFakeCollector } from '../fakes/fake-collector.ts';
import { startFakeReceiver } from '../fakes/fake-receiver.ts';
import { poll } from '../support/poll.ts';
import { runProgram } from '../support/program.ts';
import { createRestClient } from '../support/rest-client.ts';
import { startWorld } from '../support/start-world.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const AI_KEY = 'a-key-of-the-ai-service';
const CALLER = '00f067aa0ba902b7';

test('one batch is one trace over the API, a separate worker and the services it calls', async ({
  onTestFinished,
}) => {
  const collector = await startFakeCollector();
  onTestFinished(() => collector.close());
  const receiver = await startFakeReceiver();
  onTestFinished(() => receiver.close());
  const world = await startWorld({
    env: {
      AI_API_KEY: AI_KEY,
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    },
  });
  onTestFinished(() => world.end());
  const allowed = `${world.shop.host},${receiver.host}`;
  const api = await world.start('api');
  const worker = await world.start('worker', {
    FETCH_ALLOW_HOSTS: allowed,
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
  });
  const { token } = await world.db.addWorkspace('traced');
  const env = { DATABASE_URL: world.db.url, FETCH_ALLOW_HOSTS: allowed };
  const added = await runProgram({ args: ['webhook', 'add', receiver.url, '--workspace', 'traced'], env });
  expect(added.code).toBe(0);
  // The first try of a text fails. Its retry must belong to the same trace.
  world.ai.setScript((index, kind) =>
    index === 0 && kind === 'text' ? { do: 'status', status: 500 } : undefined,
  );
  const response = await fetch(`${api.address}/api/llm-editor/cta/batch/`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      traceparent: `00-${TRACE}-${CALLER}-01`,
    },
    body: JSON.stringify({ sources: [{ url: world.shop.productUrl('cup'), batch_size: 2 }] }),
  });
  const { id } = (await response.json()) as { id: string };
  await createRestClient(api.address, token).follow(id);
  await poll(
    async () => receiver.messages.length,
    (messages) => messages > 0,
  );
  // The remaining spans are sent at the end.
  await world.stop(worker);
  await world.stop(api);

  const spans = collector.spans.filter(({ traceId }) => traceId === TRACE);
  const ids = new Set(spans.map(({ spanId }) => spanId));
  for (const { name, parentSpanId = '' } of spans)
    expect(ids.has(parentSpanId) || parentSpanId === CALLER, `${name} has its parent`).toBe(true);
  expect(spans.filter(({ parentSpanId }) => parentSpanId === CALLER).map(({ name }) => name)).toEqual([
    'POST /api/llm-editor/cta/batch/',
  ]);
  const count = (name: string) => spans.filter((span) => span.name === name).length;
  const named = Object.fromEntries(spans.map((span) => [span.name, count(span.name)]));
  expect(named).toEqual({
    'POST /api/llm-editor/cta/batch/': 1,
    'source.process': 1,
    'read page': 1,
    'collect images': 1,
    'rank images': 1,
    'preview.generate': 4,
    // The text step that failed is retried by a job of its own.
    'preview.prefill': 1,
    'chat gpt-4.1-mini': 3,
    'generate_content gpt-image-1': 2,
    'webhook.deliver': 1,
    'send webhook': 1,
  });
  // No other trace contains spans of the batch.
  const about = collector.spans.filter(({ attributes }) => attributes['cta.batch_id'] === id);
  for (const span of about) {
    if (span.name.startsWith('GET ')) continue;
    expect(span.traceId).toBe(TRACE);
  }
  const find = (name: string) => spans.find((span) => span.name === name);
  expect(find('POST /api/llm-editor/cta/batch/')).toMatchObject({
    attributes: { 'http.response.status_code': 201, 'cta.batch_id': id },
    resource: { 'service.name': 'cta-batch', 'cta.role': 'api' },
  });
  expect(find('send webhook')).toMatchObject({
    attributes: { 'http.response.status_code': 204, 'server.address': receiver.host },
    resource: { 'service.name': 'cta-batch', 'cta.role': 'worker', 'deployment.environment.name': 'test' },
  });
  const texts = spans.filter((span) => span.name === 'chat gpt-4.1-mini');
  expect(texts.map(({ attributes }) => attributes['cta.outcome']).sort()).toEqual([
    'answered',
    'answered',
    'failed',
  ]);
  expect(texts.find(({ status }) => status.code === 2)?.attributes).toMatchObject({
    'error.type': 'ai_server_error',
    'gen_ai.request.model': 'gpt-4.1-mini',
  });
  // No other service learns of the trace, and the trace contains no content of requests or answers.
  expect(world.ai.calls.map((call) => call.traceparent)).toEqual(Array(5).fill(null));
  for (const { headers } of [...world.shop.requests, ...receiver.messages])
    expect(headers.traceparent).toBeUndefined();
  const { rows } = await world.db.orm.execute<{ said: string }>(sql`
    select title as said from cta.products
    union all select generated ->> 'headline' from cta.previews
    union all select embed_secret from cta.previews
    union all select secret from cta.webhooks`);
  expect(rows).toHaveLength(6);
  const sent = collector.bodies.join('\n');
  for (const secret of [token, AI_KEY, 'Bearer', ...rows.map(({ said }) => said)])
    expect(sent).not.toContain(secret);
});

test('an unreachable or silent collector does no harm', async ({ onTestFinished }) => {
  const silent = await startFakeReceiver();
  onTestFinished(() => silent.close());
  silent.script(...Array.from({ length: 100 }, () => () => {}));
  const world = await startWorld({ env: { OTEL_BSP_SCHEDULE_DELAY: '50' } });
  onTestFinished(() => world.end());
  for (const endpoint of ['http://127.0.0.1:9', `http://${silent.host}`]) {
    const all = await world.start('all', { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint });
    const rest = await world.connect(all);
    const created = await rest.create([{ url: world.shop.productUrl('cup') }]);
    expect(await rest.follow(created.id)).toMatchObject({ status: 'done' });
    expect(await world.stop(all)).toEqual({ code: 0, signal: null });
  }
});
