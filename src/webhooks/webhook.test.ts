import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  backoffMs,
  classifyResponse,
  type DeliveryState,
  decideDelivery,
  LEASE_MS,
  withJitter,
} from './webhook.ts';

const HOUR_MS = 3_600_000;

/** Returns the pauses between the tries, in order. */
function pauses(): number[] {
  const all: number[] = [];
  for (let pause = backoffMs(1); pause !== undefined; pause = backoffMs(all.length + 1)) all.push(pause);
  return all;
}

describe('the delays between attempts', () => {
  test('grow, and end after a day', () => {
    const all = pauses();
    expect(all[0]).toBe(5000);
    expect(all).toEqual([...all].sort((a, b) => a - b));
    const hours = (random: number) => all.reduce((sum, ms) => sum + withJitter(ms, random), 0) / HOUR_MS;
    expect(hours(0)).toBeGreaterThan(22);
    expect(hours(1)).toBeLessThan(26);
  });

  test('are never shorter than planned, and at most a tenth longer', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3 * HOUR_MS }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (ms, c) => {
          expect(withJitter(ms, c)).toBeGreaterThanOrEqual(ms);
          expect(withJitter(ms, c)).toBeLessThanOrEqual(Math.round(ms * 1.1));
        },
      ),
    );
  });
});

describe('a delivery whose job was taken', () => {
  const state = (more: Partial<DeliveryState>): DeliveryState => ({
    status: 'pending',
    attempts: 1,
    lastError: 'The receiver returned 500.',
    sinceTryMs: 0,
    dueInMs: null,
    ...more,
  });
  const last = pauses().length + 1;

  test.each<[string, Partial<DeliveryState>, ReturnType<typeof decideDelivery>]>([
    ['was never tried', { attempts: 0, lastError: null, sinceTryMs: null }, 'send'],
    ['has just failed', { sinceTryMs: 100 }, 'leave'],
    ['failed long enough ago', { sinceTryMs: 5000 }, 'send'],
    ['has just failed for the fifth time', { attempts: 5, sinceTryMs: 5 * 60_000 }, 'leave'],
    ['is due later, as it was asked to', { sinceTryMs: 65_000, dueInMs: 10_000 }, 'leave'],
    ['was due just now', { sinceTryMs: 65_000, dueInMs: 0 }, 'send'],
    ['was handed back', { lastError: 'The worker was stopped.', sinceTryMs: null }, 'send'],
    ['is under way', { lastError: null, sinceTryMs: LEASE_MS - 1 }, 'leave'],
    ['was under way when its worker ended', { lastError: null, sinceTryMs: LEASE_MS }, 'send'],
    ['was so in its last try', { attempts: last, lastError: null, sinceTryMs: LEASE_MS }, 'give_up'],
    ['is in its last try', { attempts: last, lastError: null, sinceTryMs: 1 }, 'leave'],
    ['was delivered', { status: 'delivered', lastError: null, sinceTryMs: HOUR_MS }, 'leave'],
    ['failed for good', { status: 'failed', sinceTryMs: HOUR_MS }, 'leave'],
  ])('that %s', (_, more, decision) => {
    expect(decideDelivery(state(more))).toBe(decision);
  });

  test('is due at the time of the job of its next attempt', () => {
    for (const [at, pauseMs] of pauses().entries())
      for (const random of [0, 0.5, 1]) {
        const due = state({ attempts: at + 1, sinceTryMs: withJitter(pauseMs, random) });
        expect(decideDelivery(due)).toBe('send');
      }
  });
});

test('lets a busy receiver ask for a longer delay of at most an hour, but not for a shorter one', () => {
  const busy = (status: number, retryAfterMs: number) => ({ status, error: null, retryAfterMs });
  for (const status of [429, 503]) {
    expect(classifyResponse(busy(status, 60_000), 1)).toEqual({ status: 'pending', pauseMs: 60_000 });
    expect(classifyResponse(busy(status, 0), 1)).toEqual({ status: 'pending', pauseMs: 5000 });
    expect(classifyResponse(busy(status, 86_400_000), 1)).toEqual({ status: 'pending', pauseMs: HOUR_MS });
    expect(classifyResponse(busy(status, 86_400_000), 8)).toEqual({
      status: 'pending',
      pauseMs: 3 * HOUR_MS,
    });
    expect(classifyResponse(busy(status, 60_000), pauses().length + 1)).toEqual({ status: 'failed' });
  }
  expect(classifyResponse(busy(500, 60_000), 1)).toEqual({ status: 'pending', pauseMs: 5000 });
  expect(classifyResponse(busy(410, 60_000), 1)).toEqual({ status: 'failed' });
});

test('delivers for 2xx, ends for 410, and retries everything else until the last attempt', () => {
  const answered = (status: number) => ({ status, error: null });
  for (const status of [200, 201, 204, 299])
    expect(classifyResponse(answered(status), 1)).toEqual({ status: 'delivered' });
  expect(classifyResponse(answered(410), 1)).toEqual({ status: 'failed' });
  for (const status of [302, 304, 400, 404, 429, 500, 503])
    expect(classifyResponse(answered(status), 2)).toEqual({ status: 'pending', pauseMs: 30_000 });
  const silent = { status: null, error: 'The receiver did not answer in time.' };
  expect(classifyResponse(silent, pauses().length)).toMatchObject({ status: 'pending' });
  expect(classifyResponse(silent, pauses().length + 1)).toEqual({ status: 'failed' });
});
