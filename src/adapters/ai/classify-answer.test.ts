import { APIConnectionTimeoutError, APIError } from 'openai';
import { expect, test } from 'vitest';
import { measureCpuMs } from '../../../test/support/measure-cpu-ms.ts';
import { AppError, type ErrorCode } from '../../lib/app-error.ts';
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
] as const)('classifies status %i with %j as %s', (status, error, code) => {
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
] as const)('status %i with %j: waits %s ms', (status, headers, retryAfterMs) => {
  const error = classify(status, {}, headers);
  expect(error).toMatchObject({ code: 'ai_rate_limited' });
  expect(error.retryAfterMs).toBe(retryAfterMs);
});

const MODERATION = 'Your request was rejected by the safety system';
test.each<[number, unknown, string]>([
  [400, { error: { type: 'image_generation_user_error', code: null, message: MODERATION } }, 'ai_refused'],
  [400, { error: { type: 'image_generation_user_error', code: null } }, 'ai_refused'],
  [400, { error: { type: 'image_generation_user_error', code: 'moderation_blocked' } }, 'ai_refused'],
  [400, { error: { type: 'image_generation_user_error', code: 'invalid_image_file' } }, 'ai_bad_request'],
  [
    400,
    {
      error: {
        type: 'invalid_request_error',
        code: 'invalid_prompt',
        message: 'flagged as potentially violating our usage policy',
      },
    },
    'ai_refused',
  ],
  [400, { error: { code: 'sensitive_words_detected' } }, 'ai_refused'],
  [400, { error: { code: 'OutputImageSensitiveContentDetected' } }, 'ai_refused'],
  [
    400,
    { code: 'DataInspectionFailed', message: 'Input data may contain inappropriate content.' },
    'ai_refused',
  ],
  [
    400,
    { error: { code: 'content_filter', innererror: { code: 'ResponsibleAIPolicyViolation' } } },
    'ai_refused',
  ],
  [400, [{ error: { code: 400, details: [{ reason: 'SAFETY' }] } }], 'ai_refused'],
  [400, { error: 'The prompt was rejected: prohibited content.' }, 'ai_refused'],
  [
    403,
    { error: { message: 'Moderation', metadata: { raw: '{"error":{"code":"moderation_blocked"}}' } } },
    'ai_refused',
  ],
  [
    403,
    { error: { message: 'Your account was suspended for violations of our usage policies.' } },
    'ai_unauthorized',
  ],
  [404, { error: { message: 'see our usage policies' } }, 'ai_bad_request'],
  [
    400,
    { error: { message: "Unknown parameter: 'moderation'.", code: 'unknown_parameter' } },
    'ai_bad_request',
  ],
  [
    400,
    [{ error: { code: 400, status: 'INVALID_ARGUMENT', details: [{ reason: 'API_KEY_INVALID' }] } }],
    'ai_unauthorized',
  ],
  [
    400,
    { error: { status: 'INVALID_ARGUMENT', details: [{ '@type': 'x', reason: 'API_KEY_EXPIRED' }] } },
    'ai_unauthorized',
  ],
  [400, [{ error: { status: 'UNAUTHENTICATED' } }], 'ai_unauthorized'],
  [422, { error: { status: 'PERMISSION_DENIED' } }, 'ai_unauthorized'],
  [400, { error: { code: 'invalid_api_key' } }, 'ai_unauthorized'],
  // A service may quote text of the page. This must not look like a wrong key, because a wrong key
  // stops all calls.
  [400, { error: { message: 'Invalid text: "API_KEY_INVALID, invalid_api_key"' } }, 'ai_bad_request'],
  [400, { error: { code: 'json_validate_failed', failed_generation: '{' } }, 'ai_bad_answer'],
  [424, {}, 'ai_server_error'],
  [425, {}, 'ai_server_error'],
  [498, {}, 'ai_server_error'],
  [499, {}, 'ai_server_error'],
  [420, {}, 'ai_rate_limited'],
  [400, null, 'ai_bad_request'],
  [400, 'text', 'ai_bad_request'],
])('classifies status %i with the body %j as %s', (status, body, code) => {
  const error = APIError.generate(status, body as object, undefined, new Headers());
  const classified = classifyAnswer(error, NOW, body);
  expect(classified.code).toBe(code);
  expect(classified.message).toBe(new AppError(code as ErrorCode).message);
});

test('classifies a body of any size and depth in negligible time', () => {
  const deep = JSON.parse(`${'{"error":'.repeat(1000)}1${'}'.repeat(1000)}`);
  const wide = { error: Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`code${i}`, 'x'])) };
  const long = { message: 'account '.repeat(100_000) };
  const error = APIError.generate(400, {}, undefined, new Headers());
  const ms = measureCpuMs(() => {
    for (const body of [deep, wide, long])
      expect(classifyAnswer(error, NOW, body).code).toBe('ai_bad_request');
  });
  expect(ms).toBeLessThan(200);
});

test('keeps the text of the service out of the message', () => {
  const error = classify(401, { message: 'Incorrect API key provided: sk-secret' });
  expect(error.message).not.toContain('sk-secret');
  expect(String(error.cause)).toContain('sk-secret');
});

test('keeps the kind of an error that is not from the service', () => {
  expect(classifyAnswer(new APIConnectionTimeoutError(), NOW).code).toBe('ai_timeout');
  expect(classifyAnswer(new TypeError('a bug of ours'), NOW).code).toBe('internal');
});
