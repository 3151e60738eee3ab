import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { createMetrics } from '../../src/adapters/telemetry/create-metrics.ts';
import { JOBS_WITH_STEP } from '../../src/main/job-kinds.ts';
import { JOB_NAMES } from '../../src/queue/catalogue.ts';

const read = (file: string) => readFile(new URL(`../../docs/${file}`, import.meta.url), 'utf8');

test('the alert rules and the monitoring page name existing metrics', async () => {
  const { render } = createMetrics({
    role: 'all',
    build: { version: '1', commit: null, date: null, node: 'v24' },
    jobs: JOBS_WITH_STEP,
  });
  const known = new Set<string>();
  for (const [, name = '', type] of (await render()).matchAll(/^# TYPE (\w+) (\w+)$/gm)) {
    known.add(name);
    if (type === 'histogram') for (const part of ['bucket', 'count', 'sum']) known.add(`${name}_${part}`);
  }
  for (const file of ['prometheus-alerts.yml', 'operations/monitor.md']) {
    const names = (await read(file)).match(/\b(?:cta_batch|nodejs|process)_\w+/g) ?? [];
    expect(names.length).toBeGreaterThan(5);
    for (const name of names) expect(known, `${name} in ${file}`).toContain(name);
  }
});

test('exports the counter of lost work of every step from the start, so that the first increase is visible', async () => {
  const { render } = createMetrics({
    role: 'all',
    build: { version: '1', commit: null, date: null, node: 'v24' },
    jobs: JOBS_WITH_STEP,
  });
  const text = await render();
  const jobs = JOB_NAMES.filter((name) => name !== 'batch.start');
  for (const job of jobs) expect(text).toContain(`step="${job}",outcome="lost"} 0`);
});
