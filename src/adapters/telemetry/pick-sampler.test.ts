import { expect, test } from 'vitest';
import { createMemoryLog } from '../../../test/support/quiet-log.ts';
import { pickSampler } from './pick-sampler.ts';

test.each([
  [undefined, undefined, /^ParentBased\{root=AlwaysOnSampler/],
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
  ['sometimes', undefined, /^ParentBased\{root=AlwaysOnSampler/],
  ['toString', undefined, /^ParentBased\{root=AlwaysOnSampler/],
  ['traceidratio', 7, /^TraceIdRatioBased\{1\}$/],
])('what cannot be used is said: %s %s', (name, ratio, expected) => {
  const log = createMemoryLog();
  expect(pickSampler({ name, ratio }, log).toString()).toMatch(expected);
  expect(log.lines).toHaveLength(1);
});
