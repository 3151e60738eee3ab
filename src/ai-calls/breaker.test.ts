import { expect, test } from 'vitest';
import type { ErrorCode } from '../lib/app-error.ts';
import { type EndedCall, isFailing } from './breaker.ts';

const calls = (n: number, errorCode: ErrorCode | null, sourceId: string | null = 'a'): EndedCall[] =>
  Array.from({ length: n }, () => ({ errorCode, sourceId }));

test.each<ErrorCode>([
  'ai_unauthorized',
  'ai_server_error',
  'ai_unreachable',
  'ai_timeout',
  'ai_connection_lost',
  'slot_expired',
])('opens after five of %s in a row', (code) => {
  expect(isFailing(calls(5, code))).toBe(true);
  expect(isFailing(calls(4, code))).toBe(false);
  expect(isFailing([...calls(4, code), ...calls(1, null), ...calls(5, code)])).toBe(false);
});

test.each<ErrorCode>(['ai_refused', 'ai_bad_request', 'ai_rate_limited', 'cancelled', 'superseded'])(
  'never opens because of %s',
  (code) => {
    expect(isFailing(calls(50, code))).toBe(false);
  },
);

test('ends the run for results that show a working provider, but not for inconclusive ones', () => {
  const failed = calls(3, 'ai_server_error');
  expect(isFailing([...failed, ...calls(1, 'ai_refused'), ...failed])).toBe(false);
  expect(isFailing([...failed, ...calls(9, 'cancelled'), ...failed])).toBe(true);
});

test('opens for wrong shapes only if they come from three pages', () => {
  const of = (source: string) => calls(4, 'ai_bad_answer', source);
  expect(isFailing([...of('a'), ...of('b')])).toBe(false);
  expect(isFailing([...of('a'), ...of('b'), ...of('c')])).toBe(true);
  expect(isFailing([...of('a'), ...calls(4, 'ai_server_error')])).toBe(false);
});
