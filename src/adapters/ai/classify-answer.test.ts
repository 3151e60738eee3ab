import { APIConnectionTimeoutError, APIError } from 'openai';
import { expect, test } from 'vitest';
import { classifyAnswer } from './classify-answer.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');

function classify(status: number, error: Record<string, unknown> = {}, headers: Record<string, string> = {}) {
  return classifyAnswer(APIError.generate(status, { error }, undefined, new Headers(headers)), NOW);
}

test.each([
  [401, {}, 'ai_unauthorized'],
  [403, {}, 'ai_unauthorized'],
  [403, { code: 'moderation_blocked' }, 'ai_refused'],
  [429, {}, 'ai_rate_limited'],
  [429, { code: 'content_filter' }, 'ai_rate_limited'],
  [500, {}, 'ai_server_error'],
  [503, {}, 'ai_server_error'],
  [529, {}, 'ai_server_error'],
  [408, {}, 'ai_server_error'],
  [409, {}, 'ai_server_error'],
  [400, { code: 'content_policy_violation' }, 'ai_refused'],
  [400, { code: null, innererror: { code: 'ResponsibleAIPolicyViolation' } }, 'ai_refused'],
  [422, { type: 'content_filter' }, 'ai_refused'],
  [404, { code: 'model_not_found' }, 'ai_bad_request'],
  [400, { code: 400, status: 'INVALID_ARGUMENT' }, 'ai_bad_request'],
  [413, {}, 'ai_bad_request'],
  [302, {}, 'ai_bad_request'],
] as const)('status %i with %j is %s', (status, error, code) => {
  expect(classify(status, error).code).toBe(code);
});

test.each([
  [429, { 'retry-after': '7' }, 7000],
  [429, { 'retry-after': '1.5' }, 1500],
  [503, { 'retry-after': 'Thu, 01 Jan 2026 00:00:09 GMT' }, 9000],
  [429, { 'retry-after': 'Wed, 31 Dec 2025 00:00:00 GMT' }, 0],
  [429, { 'retry-after-ms': '250', 'retry-after': '9' }, 250],
  [429, { 'retry-after': 'soon' }, undefined],
  [429, {}, undefined],
] as const)('status %i with %j waits %s ms', (status, headers, retryAfterMs) => {
  const error = classify(status, {}, headers);
  expect(error).toMatchObject({ code: 'ai_rate_limited' });
  expect(error.retryAfterMs).toBe(retryAfterMs);
});

test('what the service wrote stays out of the message', () => {
  const error = classify(401, { message: 'Incorrect API key provided: sk-secret' });
  expect(error.message).not.toContain('sk-secret');
  expect(String(error.cause)).toContain('sk-secret');
});

test('what did not come from the service keeps its own kind', () => {
  expect(classifyAnswer(new APIConnectionTimeoutError(), NOW).code).toBe('ai_timeout');
  expect(classifyAnswer(new TypeError('a bug of ours'), NOW).code).toBe('internal');
});
