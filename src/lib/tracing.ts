import { toAppError } from './app-error.ts';

/**
 * Attributes of a span: ids, names, numbers. Never a token, the text of a page or a prompt: people
 * who see traces may not be allowed to see those.
 */
export type SpanAttributes = Readonly<Record<string, string | number | boolean | undefined>>;

export interface SpanOptions {
  /**
   * As in OpenTelemetry: an incoming request, a job from a queue, an outgoing request, or internal
   * work.
   */
  readonly kind: 'server' | 'consumer' | 'client' | 'internal';
  readonly attributes?: SpanAttributes;
  /**
   * The parent span as a W3C `traceparent`; the current span if absent. An invalid one is ignored.
   */
  readonly traceparent?: string | undefined;
}

export interface Span {
  /** Undefined if tracing is off. */
  readonly traceId: string | undefined;
  /** Runs `work` with this span as the current one, including everything that `work` starts. */
  within<T>(work: () => T): T;
  set(attributes: SpanAttributes): void;
  /** `failure` is an error code, not a message. */
  end(failure?: string): void;
}

/** Creates spans. Implementations must not throw. */
export interface Tracing {
  start(name: string, options: SpanOptions): Span;
  /** Returns the current span as a `traceparent` (https://www.w3.org/TR/trace-context/). */
  current(): string | undefined;
}

const noSpan: Span = { traceId: undefined, within: (work) => work(), set() {}, end() {} };

/** Tracing that does nothing. */
export const noTracing: Tracing = { start: () => noSpan, current: () => undefined };

/** Runs `work` in a span and ends the span with it. */
export async function inSpan<T>(
  tracing: Tracing,
  name: string,
  { work, ...options }: SpanOptions & { work(span: Span): Promise<T> },
): Promise<T> {
  const span = tracing.start(name, options);
  try {
    const result = await span.within(() => work(span));
    span.end();
    return result;
  } catch (error) {
    span.end(toAppError(error).code);
    throw error;
  }
}
