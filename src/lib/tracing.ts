import { toAppError } from './app-error.ts';

/** What is known of a span: ids, names, numbers. Never a token, a page's text or a prompt: whoever sees traces may not see those. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean | undefined>>;

export interface SpanOptions {
  /** As OpenTelemetry has them: something came in, was taken from a queue, goes out, or happens here. */
  readonly kind: 'server' | 'consumer' | 'client' | 'internal';
  readonly attributes?: SpanAttributes;
  /** What it is a part of, in W3C's notation; if absent, what runs now. One that cannot be read is none. */
  readonly traceparent?: string | undefined;
}

/** A piece of work that is traced. */
export interface Span {
  /** Undefined if nobody traces. */
  readonly traceId: string | undefined;
  /** Runs something as a part of it, with all that it leads to. */
  within<T>(work: () => T): T;
  set(attributes: SpanAttributes): void;
  /** `failure` is a code, and no message. */
  end(failure?: string): void;
}

/** Who traces. Must not throw. */
export interface Tracing {
  start(name: string, options: SpanOptions): Span;
  /** The span that runs now, in W3C's notation (`traceparent` of https://www.w3.org/TR/trace-context/). */
  current(): string | undefined;
}

const noSpan: Span = { traceId: undefined, within: (work) => work(), set() {}, end() {} };

/** Nobody traces. */
export const noTracing: Tracing = { start: () => noSpan, current: () => undefined };

/** Runs something in a span, which ends with it. */
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
