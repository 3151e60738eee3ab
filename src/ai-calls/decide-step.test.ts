import { describe, expect, test } from 'vitest';
import type { ErrorCode } from '../lib/app-error.ts';
import type { CallRecord, CallStatus } from './ai-call.ts';
import { decideStep } from './decide-step.ts';

const call = (status: CallStatus, errorCode: ErrorCode | null = null): CallRecord => ({
  kind: 'text',
  round: 1,
  status,
  errorCode,
  probe: false,
});
const failures = (code: ErrorCode, n: number) => Array.from({ length: n }, () => call('failed', code));

describe('decideStep', () => {
  test('starts a step without calls at once', () => {
    expect(decideStep([])).toEqual({ state: 'to_try', delayMs: 0 });
  });

  test('uses an answer, whatever came before or after it', () => {
    expect(decideStep([call('unknown', 'ai_timeout'), call('answered'), call('sent')])).toEqual({
      state: 'answered',
    });
  });

  test('waits for a call in progress', () => {
    expect(decideStep([...failures('ai_server_error', 5), call('sent')])).toEqual({ state: 'under_way' });
  });

  test.each<[ErrorCode, number]>([
    ['ai_refused', 1],
    ['ai_bad_request', 1],
    ['ai_bad_answer', 2],
    ['ai_timeout', 4],
    ['ai_outcome_unknown', 4],
    ['internal', 3],
    ['ai_rate_limited', 6],
    ['ai_server_error', 6],
    ['slot_expired', 20],
  ])('fails the step for %s at call %i', (code, calls) => {
    expect(decideStep(failures(code, calls))).toEqual({ state: 'failed', code });
    if (calls > 1) expect(decideStep(failures(code, calls - 1)).state).toBe('to_try');
  });

  test('ignores a failed probe without cost, and counts one that may be billed', () => {
    const probes = (code: ErrorCode) => failures(code, 30).map((record) => ({ ...record, probe: true }));
    expect(decideStep([...failures('ai_server_error', 5), ...probes('ai_unreachable')]).state).toBe('to_try');
    expect(decideStep(probes('ai_server_error'))).toEqual({ state: 'to_try', delayMs: 0 });
    expect(decideStep(probes('slot_expired'))).toEqual({ state: 'to_try', delayMs: 0 });
    expect(decideStep(probes('ai_bad_answer'))).toEqual({ state: 'failed', code: 'ai_bad_answer' });
    expect(decideStep(probes('ai_timeout'))).toEqual({ state: 'failed', code: 'ai_timeout' });
  });

  test('ignores failures of earlier rounds, and keeps answers', () => {
    const refused = failures('ai_refused', 1);
    expect(decideStep(refused, 2)).toEqual({ state: 'to_try', delayMs: 0 });
    expect(decideStep([call('answered'), ...refused], 2)).toEqual({ state: 'answered' });
    expect(decideStep([call('sent')], 2)).toEqual({ state: 'under_way' });
  });

  test('counts each class of failure separately', () => {
    const mixed = [
      ...failures('ai_bad_answer', 1),
      ...failures('ai_server_error', 3),
      ...failures('ai_timeout', 3),
    ];
    expect(decideStep(mixed).state).toBe('to_try');
  });

  test('doubles the delay up to a maximum, with jitter between half and all of it', () => {
    expect(decideStep(failures('ai_server_error', 1), 1, () => 1)).toEqual({
      state: 'to_try',
      delayMs: 1000,
    });
    expect(decideStep(failures('ai_server_error', 3), 1, () => 0)).toEqual({
      state: 'to_try',
      delayMs: 2000,
    });
    expect(decideStep(failures('ai_server_error', 5), 1, () => 1)).toEqual({
      state: 'to_try',
      delayMs: 16_000,
    });
  });

  test('retries calls that could not be sent for minutes, with growing delays', () => {
    const pauses = Array.from({ length: 19 }, (_, tries) => {
      const decision = decideStep(failures('slot_expired', tries + 1), 1, () => 0);
      return decision.state === 'to_try' ? decision.delayMs : Number.NaN;
    });
    expect(pauses.slice(0, 6)).toEqual([500, 1000, 2000, 4000, 8000, 15_000]);
    expect(pauses.reduce((sum, pause) => sum + pause, 0)).toBeGreaterThan(200_000);
  });
});
