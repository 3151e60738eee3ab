import { expect, test } from 'vitest';
import { poll } from '../../../test/support/poll.ts';
import { createMetrics, type Gauges } from './create-metrics.ts';

const make = () =>
  createMetrics({
    role: 'all',
    build: { version: '1.2.3', commit: 'abc', date: null, node: 'v24' },
    jobs: ['webhook.deliver', 'source.process'],
  });

const gauges: Gauges = {
  stages: [{ stage: 'page', jobs: 3, oldestSeconds: 1.5 }],
  kinds: [
    { kind: 'text', slots: { taken: 4, free: 16 }, isOpen: true, isPaused: false },
    { kind: 'image', slots: null, isOpen: false, isPaused: true },
  ],
  workers: { alive: 2, capacity: 100, running: 7 },
};

const sources = {
  collectGauges: async () => gauges,
  countConnections: () => ({ total: 5, idle: 2, waiting: 1 }),
  countWatchers: () => 9,
};

test('exports counters and gauges', async () => {
  const metrics = make();
  metrics.connect(sources);
  metrics.meter.countRequest({ method: 'GET', route: '/x/:id', status: 404, seconds: 0.03 });
  metrics.meter.countJob({ job: 'webhook.deliver', outcome: 'retry', seconds: 0.2 });
  const call = { kind: 'text', seconds: 3, inputTokens: null, outputTokens: null };
  metrics.meter.countCall({ ...call, outcome: 'failed', code: 'ai_server_error' });
  metrics.meter.countCall({ ...call, outcome: 'answered', code: null, inputTokens: 70, outputTokens: 5 });
  const lines = (await metrics.render()).split('\n');
  expect(lines).toEqual(
    expect.arrayContaining([
      'cta_batch_build_info{version="1.2.3",commit="abc",node="v24",role="all"} 1',
      'cta_batch_http_request_duration_seconds_count{method="GET",route="/x/:id",status="4xx"} 1',
      'cta_batch_http_request_duration_seconds_bucket{le="0.05",method="GET",route="/x/:id",status="4xx"} 1',
      'cta_batch_job_duration_seconds_count{step="webhook.deliver",outcome="retry"} 1',
      'cta_batch_webhook_deliveries_total{outcome="retry"} 1',
      'cta_batch_provider_call_duration_seconds_count{kind="text",outcome="answered"} 1',
      'cta_batch_provider_errors_total{kind="text",code="ai_server_error"} 1',
      'cta_batch_provider_tokens_total{kind="text",direction="input"} 70',
      'cta_batch_provider_tokens_total{kind="text",direction="output"} 5',
      'cta_batch_database_up 1',
      'cta_batch_database_pool_connections 5',
      'cta_batch_database_pool_idle_connections 2',
      'cta_batch_database_pool_waiting_requests 1',
      'cta_batch_watchers 9',
      'cta_batch_queue_jobs{stage="page"} 3',
      'cta_batch_queue_oldest_age_seconds{stage="page"} 1.5',
      'cta_batch_slots_taken{kind="text"} 4',
      'cta_batch_slots_free{kind="text"} 16',
      'cta_batch_breaker_open{kind="text"} 1',
      'cta_batch_provider_paused{kind="image"} 1',
      'cta_batch_workers 2',
      'cta_batch_previews_capacity 100',
      'cta_batch_previews_running 7',
    ]),
  );
  // Without a limit there are neither taken nor free slots.
  expect(lines.filter((line) => line.startsWith('cta_batch_slots') && line.includes('image'))).toEqual([]);
  const names = lines.map((line) => line.split(/[{ ]/, 1)[0]);
  for (const name of ['nodejs_eventloop_lag_p99_seconds', 'process_resident_memory_bytes'])
    expect(names).toContain(name);
});

test('serves the page without database gauges if the database does not answer', async () => {
  const metrics = make();
  let unavailable = false;
  metrics.connect({
    ...sources,
    async collectGauges() {
      if (unavailable) throw new Error('connect ECONNREFUSED');
      return gauges;
    },
  });
  expect(await metrics.render()).toContain('\ncta_batch_workers 2\n');
  unavailable = true;
  const page = await poll(metrics.render, (text) => text.includes('\ncta_batch_database_up 0\n'));
  expect(page).toMatch(/\ncta_batch_database_scrape_errors_total \d+\n/);
  expect(page).toContain('\ncta_batch_watchers 9\n');
  const gone = /^cta_batch_(workers|previews_\w+|queue_\w+|slots_\w+|breaker_open|provider_paused)[{ ]/m;
  expect(page).not.toMatch(gone);
});

test('counts separately for two programs in one process', async () => {
  const [one, other] = [make(), make()];
  one.meter.countJob({ job: 'source.process', outcome: 'done', seconds: 1 });
  expect(await one.render()).toContain('step="source.process",outcome="done"');
  expect(await other.render()).not.toContain('step="source.process",outcome="done"');
});
