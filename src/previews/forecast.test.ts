import { describe, expect, test } from 'vitest';
import type { KindState } from '../ai-calls/load-limiter.ts';
import { SLOT_GUARD_MS } from '../ai-calls/lock-slots.ts';
import { forecast, type QueuePosition, type Workers } from './forecast.ts';

const NOW = new Date('2026-01-01T00:00:00Z');
const at = (ms: number) => new Date(NOW.getTime() + ms);
const workers: Workers = { alive: 1, capacity: 50, pagesAtOnce: 5, running: 0, typicalPageMs: 2000 };
const entry = (position: number, more: Partial<QueuePosition> = {}): QueuePosition => ({
  position,
  calls: { text: position, image: position },
  retryAt: null,
  pages: null,
  ...more,
});
const limit = (more: Partial<KindState> = {}) => ({
  now: NOW,
  kinds: (['text', 'image'] as const).map((kind) => ({
    kind,
    rate: '20/m',
    maxCalls: 20,
    windowMs: 60_000,
    takenUntil: [],
    pausedUntil: null,
    failing: null,
    typicalMs: null,
    ...more,
  })),
});
const ROUND_MS = 60_000 + SLOT_GUARD_MS;
/** Times are told to the second. */
const second = (ms: number) => at(Math.ceil(ms / 1000) * 1000);

describe('within a limit', () => {
  test.each([
    [1, 0],
    [20, 0],
    [21, ROUND_MS],
    [40, ROUND_MS],
    [41, 2 * ROUND_MS],
  ])('with all slots free, preview %i starts after %i ms', (position, ms) => {
    expect(forecast(limit(), workers, entry(position))).toMatchObject({
      queuePosition: position,
      eta: second(ms),
      waitingFor: { code: 'slot', until: second(ms) },
    });
  });

  test('uses free slots first, then slots as they open, repeatedly', () => {
    const takenUntil = [1000, 5000].map(at);
    const state = limit({ takenUntil });
    expect(forecast(state, workers, entry(18)).eta).toEqual(NOW);
    expect(forecast(state, workers, entry(19)).eta).toEqual(at(1000));
    expect(forecast(state, workers, entry(20)).eta).toEqual(at(5000));
    expect(forecast(state, workers, entry(21)).eta).toEqual(second(ROUND_MS));
    expect(forecast(state, workers, entry(39)).eta).toEqual(second(ROUND_MS + 1000));
  });

  test('adds the duration of recent calls', () => {
    const waiting = forecast(limit({ typicalMs: 700 }), workers, entry(21));
    expect(waiting.eta).toEqual(second(ROUND_MS + 700));
    expect(waiting.waitingFor.until).toEqual(second(ROUND_MS));
  });

  test('counts only the calls of its kind for a retried step', () => {
    const tried = entry(30, { calls: { text: 0, image: 3 } });
    expect(forecast(limit(), workers, tried).eta).toEqual(NOW);
  });
});

test('uses the free capacity of the workers without a limit', () => {
  const state = limit({ maxCalls: null, windowMs: null, typicalMs: 1000 });
  expect(forecast(state, workers, entry(50)).eta).toEqual(at(1000));
  expect(forecast(state, workers, entry(51)).eta).toEqual(at(2000));
  expect(forecast(state, { ...workers, running: 50 }, entry(1)).eta).toEqual(at(2000));
});

test('adds the readings of a waiting page, then its place in the queue', () => {
  expect(forecast(limit(), workers, entry(1, { pages: 6 }))).toMatchObject({
    eta: at(4000),
    waitingFor: { code: 'page', until: at(4000) },
  });
  expect(forecast(limit(), workers, entry(21, { pages: 1 })).eta).toEqual(second(ROUND_MS));
});

test('reports the longest reason to wait first', () => {
  const failing = { since: NOW, code: 'ai_unauthorized', probeAfter: at(4000) };
  const pausedUntil = at(30_000);
  expect(forecast(limit({ failing, pausedUntil }), workers, entry(1)).waitingFor).toEqual({
    code: 'breaker',
    message: expect.stringContaining('Check AI_API_KEY'),
    until: at(4000),
  });
  expect(forecast(limit({ pausedUntil }), workers, entry(1))).toMatchObject({
    eta: pausedUntil,
    waitingFor: { code: 'provider_pause', until: pausedUntil },
  });
  const retryAt = at(2000);
  expect(forecast(limit(), workers, entry(1, { retryAt }))).toMatchObject({
    eta: retryAt,
    waitingFor: { code: 'retry', until: retryAt },
  });
  expect(forecast(limit(), { ...workers, alive: 0 }, entry(1))).toMatchObject({
    eta: null,
    waitingFor: { code: 'worker', until: null },
  });
});
