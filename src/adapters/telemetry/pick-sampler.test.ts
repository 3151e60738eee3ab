import { ROOT_CONTEXT, SpanKind, TraceFlags, trace } from '@opentelemetry/api';
import { SamplingDecision } from '@opentelemetry/sdk-trace';
import { expect, test } from 'vitest';
import { createMemoryLog } from '../../../test/support/quiet-log.ts';
import { pickSampler } from './pick-sampler.ts';

test.each([
  [undefined, undefined, /^OwnSampler$/],
  ['always_on', undefined, /^AlwaysOnSampler$/],
  ['always_off', undefined, /^AlwaysOffSampler$/],
  ['traceidratio', 0.25, /^TraceIdRatioBased\{0\.25\}$/],
  ['traceidratio', undefined, /^TraceIdRatioBased\{1\}$/],
  ['parentbased_always_off', undefined, /^ParentBased\{root=AlwaysOffSampler/],
  ['parentbased_traceidratio', 0, /^ParentBased\{root=TraceIdRatioBased\{0\}/],
])('OTEL_TRACES_SAMPLER %s %s', (name, ratio, expected) => {
  const log = createMemoryLog();
  expect(pickSampler({ name, ratio }, log).toString()).toMatch(expected);
  expect(log.lines).toEqual([]);
});

test.each([
  ['sometimes', undefined, /^OwnSampler$/],
  ['toString', undefined, /^OwnSampler$/],
  ['traceidratio', 7, /^TraceIdRatioBased\{1\}$/],
])('warns about unusable values: %s %s', (name, ratio, expected) => {
  const log = createMemoryLog();
  expect(pickSampler({ name, ratio }, log).toString()).toMatch(expected);
  expect(log.lines).toHaveLength(1);
});

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const { NONE, SAMPLED } = TraceFlags;

test.each([
  // The `traceparent` of a request decides nothing unless the operator configured it. A job follows
  // the span that created it.
  [undefined, SpanKind.SERVER, NONE, true],
  [undefined, SpanKind.SERVER, SAMPLED, true],
  [undefined, SpanKind.CONSUMER, NONE, false],
  [undefined, SpanKind.CONSUMER, SAMPLED, true],
  ['traceidratio', SpanKind.SERVER, SAMPLED, false],
  ['parentbased_always_on', SpanKind.SERVER, NONE, false],
  ['parentbased_always_off', SpanKind.SERVER, SAMPLED, true],
])('sampler %s, span kind %i, flag of the parent %i: sampled %s', (name, kind, traceFlags, isSampled) => {
  const parent = trace.setSpanContext(ROOT_CONTEXT, {
    traceId: TRACE,
    spanId: '00f067aa0ba902b7',
    traceFlags,
    isRemote: true,
  });
  const ratio = name === 'traceidratio' ? 0 : undefined;
  const sampler = pickSampler({ name, ratio }, createMemoryLog());
  const { decision } = sampler.shouldSample(parent, TRACE, 'GET /', kind, {}, []);
  expect(decision === SamplingDecision.RECORD_AND_SAMPLED).toBe(isSampled);
});
