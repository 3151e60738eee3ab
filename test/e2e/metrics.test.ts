import { afterAll, beforeAll, expect, test } from 'vitest';
import { findPage } from '../support/find-page.ts';
import { poll } from '../support/poll.ts';
import { startWorld, type World } from '../support/start-world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld({ env: { PREVIEW_RATE_LIMIT: '20/m' } });
});
afterAll(() => world.end());

/** Returns the lines of a program's metrics that contain values. */
async function scrape(address: string): Promise<string[]> {
  const response = await fetch(address);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  return (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

/** Adds up the values of the series whose lines begin with `start` and have this outcome. */
function sumOf(lines: readonly string[], start: string, outcome: string): number {
  const values = lines
    .filter((line) => line.startsWith(start) && line.includes(`outcome="${outcome}"`))
    .map((line) => Number(line.split(' ').at(-1)));
  return values.reduce((sum, value) => sum + value, 0);
}

test('shows a batch in the metrics of all programs that process it, on the port of the health', async () => {
  const api = await world.start('api', { METRICS_PORT: '0' });
  const worker = await world.start('worker', { METRICS_PORT: '0', HEALTH_PORT: '0' });
  const page = findPage(worker, '/metrics');
  expect(page).toBe(findPage(worker, '/readyz').replace('/readyz', '/metrics'));
  world.ai.setScript((index, kind) =>
    index === 0 && kind === 'text' ? { do: 'status', status: 500 } : undefined,
  );
  const rest = await world.connect(api);
  const created = await rest.create([{ url: world.shop.productUrl('cup'), batch_size: 2 }]);
  expect(await rest.follow(created.id)).toMatchObject({ status: 'done' });

  const lines = await poll(
    () => scrape(page),
    (all) => all.includes('cta_batch_slots_taken{kind="text"} 3'),
  );
  expect(lines).toEqual(
    expect.arrayContaining([
      'cta_batch_job_duration_seconds_count{step="source.process",outcome="done"} 1',
      'cta_batch_provider_call_duration_seconds_count{kind="image",outcome="answered"} 2',
      'cta_batch_provider_errors_total{kind="text",code="ai_server_error"} 1',
      'cta_batch_slots_free{kind="text"} 17',
      'cta_batch_breaker_open{kind="text"} 0',
      'cta_batch_queue_jobs{stage="preview"} 0',
      'cta_batch_workers 1',
      'cta_batch_database_up 1',
    ]),
  );
  // A call that a busy machine could not send in time is retried like the one that failed.
  const jobs = (outcome: string) =>
    sumOf(lines, 'cta_batch_job_duration_seconds_count{step="preview.', outcome);
  expect(jobs('done')).toBe(4);
  expect(jobs('retry')).toBeGreaterThanOrEqual(1);
  expect(sumOf(lines, 'cta_batch_job_duration_seconds_count{step="preview.prefill"', 'done')).toBeGreaterThan(
    0,
  );
  expect(
    sumOf(lines, 'cta_batch_provider_call_duration_seconds_count{kind="text"', 'failed'),
  ).toBeGreaterThanOrEqual(1);
  expect(
    lines.find((line) => line.startsWith('cta_batch_provider_tokens_total{kind="text",direction="input"')),
  ).toBeDefined();
  const seen = await scrape(findPage(api, '/metrics'));
  expect(seen).toContain(
    'cta_batch_http_request_duration_seconds_count{method="POST",route="/api/llm-editor/cta/batch/",status="2xx"} 1',
  );
  // No label contains data of the batch.
  expect([...lines, ...seen].join('\n')).not.toContain(created.id);
});
