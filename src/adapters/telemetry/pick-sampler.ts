import { type Context, type Link, type SpanAttributes, SpanKind } from '@opentelemetry/api';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  type Sampler,
  type SamplingResult,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace';
import type { Log } from '../../lib/log.ts';

/**
 * Returns the sampler of `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG`
 * (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/). The SDK
 * reads these variables only in its package for everything. Logs and ignores an unknown name, and a
 * ratio outside 0 to 1.
 *
 * Without a name, all requests are sampled, whatever their `traceparent` says: anyone can send one,
 * with or without a token. A configured `parentbased_…` sampler respects it, as the specification
 * requires.
 */
export function pickSampler(
  { name, ratio = 1 }: { name?: string | undefined; ratio?: number | undefined },
  log: Log,
): Sampler {
  const isRatio = ratio >= 0 && ratio <= 1;
  if (!isRatio) log.warn({ ratio }, 'OTEL_TRACES_SAMPLER_ARG must be from 0 to 1; sampling all traces');
  if (name === undefined) return new OwnSampler();
  const roots: Record<string, () => Sampler> = {
    always_on: () => new AlwaysOnSampler(),
    always_off: () => new AlwaysOffSampler(),
    traceidratio: () => new TraceIdRatioBasedSampler(isRatio ? ratio : 1),
  };
  const [, parentBased, rootName = ''] = /^(parentbased_)?(.*)$/.exec(name) ?? [];
  const makeRoot = Object.hasOwn(roots, rootName) ? roots[rootName] : undefined;
  if (!makeRoot) {
    log.warn({ sampler: name }, 'unknown OTEL_TRACES_SAMPLER; sampling all traces');
    return new OwnSampler();
  }
  return parentBased ? new ParentBasedSampler({ root: makeRoot() }) : makeRoot();
}

/** Samples all requests. Inside them, follows the decision of the parent span. */
class OwnSampler implements Sampler {
  private readonly inside = new ParentBasedSampler({ root: new AlwaysOnSampler() });
  private readonly incoming = new AlwaysOnSampler();

  shouldSample(
    context: Context,
    traceId: string,
    name: string,
    kind: SpanKind,
    attributes: SpanAttributes,
    links: Link[],
  ): SamplingResult {
    // The parent of a job is a span of ours, but the sender of a request chooses its parent.
    if (kind === SpanKind.SERVER) return this.incoming.shouldSample();
    return this.inside.shouldSample(context, traceId, name, kind, attributes, links);
  }

  toString(): string {
    return 'OwnSampler';
  }
}
