import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type HostileShop, startHostileShop } from '../fakes/hostile-shop.ts';
import type { Measures, Visit, VisitResult } from '../support/hostile-child.ts';
import { type HostileRow, hostileRows } from '../support/hostile-rows.ts';

const MAX_PEAK_MB = 350;

let shop: HostileShop;
let child: ChildProcess;
let results: Map<number, VisitResult>;
let measures: Measures;

/** Reads all rows at once, as a worker would. Each test checks one result. */
beforeAll(async () => {
  shop = await startHostileShop();
  // The environment that `npm start` sets.
  const env = {
    MALLOC_ARENA_MAX: '2',
    FETCH_ALLOW_HOSTS: shop.host,
    FETCH_TIMEOUT: '5s',
    PATH: process.env.PATH,
  };
  child = fork(new URL('../support/hostile-child.ts', import.meta.url), { env, serialization: 'advanced' });
  results = new Map();
  const allCame = Promise.withResolvers<void>();
  child.on('exit', (code, signal) =>
    allCame.reject(new Error(`the reading program ended: ${code ?? signal}`)),
  );
  const onResult = (result: VisitResult) => {
    results.set(result.id, result);
    if (results.size === hostileRows.length) allCame.resolve();
  };
  child.on('message', onResult);
  for (const [id, row] of hostileRows.entries()) child.send(toVisit(id, row));
  await allCame.promise;
  child.off('message', onResult);
  child.send('measure');
  [measures] = (await once(child, 'message')) as [Measures];
}, 540_000);

afterAll(async () => {
  if (child.exitCode === null && child.signalCode === null) {
    child.disconnect();
    await once(child, 'exit');
  }
  await shop.close();
});

function toVisit(id: number, { address, wantsImages = false }: HostileRow): Visit {
  return { id, url: address.startsWith('/') ? `${shop.origin}${address}` : address, wantsImages };
}

describe.each([...Map.groupBy(hostileRows.entries(), ([, row]) => row.group)])('%s', (_, rows) => {
  test.each(rows.map(([id, row]) => [row.name, row.code, row.title, id] as const))(
    '%s: %s',
    (_name, code, title, id) => {
      expect(results.get(id)).toMatchObject({ code, ...(code === 'read' ? { title: title ?? 'Cup' } : {}) });
    },
  );
});

test('looks a name up once per visit, so that a second answer is never used', () => {
  expect(measures.lookups['rebind.test']).toBe(1);
});

test('keeps the memory of the program small and its event loop free', ({ skip }) => {
  const { peakMb, maxLoopDelayMs } = measures;
  const slowest = [...results.values()].sort((a, b) => b.ms - a.ms).slice(0, 5);
  process.stdout.write(
    `${results.size} visits: peak ${peakMb?.toFixed(0)} MB, event loop worked without a turn for ${maxLoopDelayMs.toFixed(0)} ms at most; slowest ${slowest
      .map(({ id, ms }) => `${hostileRows[id]?.name} ${(ms / 1000).toFixed(1)} s`)
      .join(', ')}\n`,
  );
  if (peakMb === null) return skip('no /proc here');
  expect(peakMb).toBeLessThan(MAX_PEAK_MB);
});
