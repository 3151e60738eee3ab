import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace';
import type { Log } from '../../lib/log.ts';

/**
 * The sampler of `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG`
 * (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/). The SDK reads them only as a part of its
 * package for everything. One that is not known, or a ratio outside of 0 to 1, is said and not used.
 */
export function pickSampler(
  { name = 'parentbased_always_on', ratio = 1 }: { name?: string | undefined; ratio?: number | undefined },
  log: Log,
): Sampler {
  const isRatio = ratio >= 0 && ratio <= 1;
  if (!isRatio) log.warn({ ratio }, 'OTEL_TRACES_SAMPLER_ARG must be from 0 to 1; all is sampled');
  const roots: Record<string, () => Sampler> = {
    always_on: () => new AlwaysOnSampler(),
    always_off: () => new AlwaysOffSampler(),
    traceidratio: () => new TraceIdRatioBasedSampler(isRatio ? ratio : 1),
  };
  const [, parentBased, rootName = ''] = /^(parentbased_)?(.*)$/.exec(name) ?? [];
  const makeRoot = Object.hasOwn(roots, rootName) ? roots[rootName] : undefined;
  if (!makeRoot) {
    log.warn({ sampler: name }, 'OTEL_TRACES_SAMPLER is not known; parentbased_always_on is used');
    return new ParentBasedSampler({ root: new AlwaysOnSampler() });
  }
  return parentBased ? new ParentBasedSampler({ root: makeRoot() }) : makeRoot();
}
