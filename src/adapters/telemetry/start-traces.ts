import {
  type Context,
  defaultTextMapGetter,
  defaultTextMapSetter,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  ExportResultCode,
  getBooleanFromEnv,
  getNumberFromEnv,
  getStringFromEnv,
  W3CTraceContextPropagator,
} from '@opentelemetry/core';
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
  serviceInstanceIdDetector,
} from '@opentelemetry/resources';
import { BatchSpanProcessor, type SpanExporter, TracerProvider } from '@opentelemetry/sdk-trace';
import type { BuildInfo } from '../../lib/build-info.ts';
import type { Log } from '../../lib/log.ts';
import type { Span, SpanOptions, Tracing } from '../../lib/tracing.ts';
import { pickSampler } from './pick-sampler.ts';

/** Running traces. */
export interface Traces {
  readonly tracing: Tracing;
  /** Sends the remaining spans, for at most some seconds. Never throws. */
  close(): Promise<void>;
}

/** A collector that does not respond must not delay the end of the program. */
const FLUSH_WITHIN_MS = 3000;

const KINDS = {
  server: SpanKind.SERVER,
  consumer: SpanKind.CONSUMER,
  client: SpanKind.CLIENT,
  internal: SpanKind.INTERNAL,
} satisfies Record<SpanOptions['kind'], SpanKind>;

/**
 * Sends traces over HTTP to the collector in `OTEL_EXPORTER_OTLP_ENDPOINT`. Follows OpenTelemetry's
 * specification of the standard variables; returns undefined if they disable sending. Registers
 * nothing globally.
 */
export function startTraces(
  { role, build }: { role: string; build: BuildInfo },
  log: Log,
): Traces | undefined {
  if (getBooleanFromEnv('OTEL_SDK_DISABLED') || getStringFromEnv('OTEL_TRACES_EXPORTER') === 'none')
    return undefined;
  const provider = new TracerProvider({
    sampler: pickSampler(
      { name: getStringFromEnv('OTEL_TRACES_SAMPLER'), ratio: getNumberFromEnv('OTEL_TRACES_SAMPLER_ARG') },
      log,
    ),
    resource: defaultResource()
      .merge(
        resourceFromAttributes({
          'service.name': 'cta-batch',
          'service.version': build.version,
          'cta.role': role,
        }),
      )
      .merge(detectResources({ detectors: [serviceInstanceIdDetector, envDetector] })),
    spanProcessors: [
      new BatchSpanProcessor({ exporter: logExportFailures(createExporter(log), log), ...readQueue() }),
    ],
  });
  return {
    tracing: createTracing(provider, build),
    async close() {
      const late = Promise.withResolvers<void>();
      const timer = setTimeout(late.resolve, FLUSH_WITHIN_MS);
      // The exporter has already reported spans that could not be sent.
      await Promise.race([provider.shutdown().catch(() => {}), late.promise]);
      clearTimeout(timer);
    },
  };
}

function createTracing(provider: TracerProvider, build: BuildInfo): Tracing {
  const tracer = provider.getTracer('cta-batch', build.version);
  const contexts = new AsyncLocalStorageContextManager().enable();
  const w3c = new W3CTraceContextPropagator();

  function parentOf(traceparent: string | undefined): Context {
    if (traceparent === undefined) return contexts.active();
    return w3c.extract(ROOT_CONTEXT, { traceparent }, defaultTextMapGetter);
  }

  return {
    start(name, { kind, attributes = {}, traceparent }): Span {
      const parent = parentOf(traceparent);
      const span = tracer.startSpan(name, { kind: KINDS[kind], attributes }, parent);
      const context = trace.setSpan(parent, span);
      return {
        traceId: span.spanContext().traceId,
        within: (work) => contexts.with(context, work),
        set: (more) => void span.setAttributes(more),
        end(failure) {
          if (failure !== undefined) {
            span.setStatus({ code: SpanStatusCode.ERROR });
            span.setAttribute('error.type', failure);
          }
          span.end();
        },
      };
    },
    current() {
      const carrier: { traceparent?: string } = {};
      w3c.inject(contexts.active(), carrier, defaultTextMapSetter);
      return carrier.traceparent;
    },
  };
}

/**
 * Chooses the exporter by OTEL_EXPORTER_OTLP_PROTOCOL. Exporters read the endpoint, headers,
 * certificates, compression and timeout themselves.
 */
function createExporter(log: Log): SpanExporter {
  const protocol =
    getStringFromEnv('OTEL_EXPORTER_OTLP_TRACES_PROTOCOL') ??
    getStringFromEnv('OTEL_EXPORTER_OTLP_PROTOCOL') ??
    'http/protobuf';
  if (protocol === 'http/json') return new JsonExporter();
  if (protocol !== 'http/protobuf')
    log.warn({ protocol }, 'unsupported OTLP protocol; sending traces as http/protobuf');
  return new ProtobufExporter();
}

/** Reads the environment variables of the batch span processor, as the specification names them. */
function readQueue(): object {
  const settings = {
    scheduledDelayMillis: getNumberFromEnv('OTEL_BSP_SCHEDULE_DELAY'),
    exportTimeoutMillis: getNumberFromEnv('OTEL_BSP_EXPORT_TIMEOUT'),
    maxQueueSize: getNumberFromEnv('OTEL_BSP_MAX_QUEUE_SIZE'),
    maxExportBatchSize: getNumberFromEnv('OTEL_BSP_MAX_EXPORT_BATCH_SIZE'),
  };
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}

/**
 * Logs the first failure, and then only the first one after a success. Otherwise lost traces would
 * be logged twice a minute.
 */
function logExportFailures(exporter: SpanExporter, log: Log): SpanExporter {
  let isFailing = false;
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        const hasFailed = result.code !== ExportResultCode.SUCCESS;
        if (hasFailed && !isFailing)
          log.warn({ err: result.error }, 'traces could not be exported and are lost');
        isFailing = hasFailed;
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: async () => exporter.forceFlush?.(),
  };
}
