import type { Usage } from '../adapters/ai/ai-provider.ts';
import type { CallKind, CallStatus } from '../ai-calls/ai-call.ts';
import { statusOfFailure } from '../ai-calls/close-call.ts';
import { AppError, type ErrorCode, toAppError } from '../lib/app-error.ts';
import type { Meter } from '../lib/meter.ts';
import { inSpan, type Tracing } from '../lib/tracing.ts';
import { Stopping } from '../queue/run-job.ts';
import type { Adapters } from './create-adapters.ts';

interface Observers {
  readonly meter: Meter;
  readonly tracing: Tracing;
}

/**
 * Returns adapters that also record metrics and traces. Of a URL, records only the host. Of an AI
 * call, records the attributes of OpenTelemetry's conventions for generative AI, and nothing from
 * the prompt or the answer.
 */
export function instrumentAdapters(adapters: Adapters, { meter, tracing }: Observers): Adapters {
  const { pages, ranker, webhooks } = adapters;
  return {
    ...adapters,
    ...observeProviders(adapters, { meter, tracing }),
    pages: {
      ...pages,
      readPage: (url, requester) =>
        inSpan(tracing, 'read page', {
          kind: 'client',
          attributes: { 'server.address': hostOf(url) },
          work: () => pages.readPage(url, requester),
        }),
      collectImages: (candidates, pageUrl, requester) =>
        inSpan(tracing, 'collect images', {
          kind: 'client',
          attributes: { 'server.address': hostOf(pageUrl), 'cta.candidates': candidates.length },
          work: () => pages.collectImages(candidates, pageUrl, requester),
        }),
    },
    ranker: {
      ...ranker,
      rank: (images, product, requester) =>
        inSpan(tracing, 'rank images', {
          kind: 'internal',
          attributes: { 'cta.pictures': images.length },
          async work(span) {
            const ranking = await ranker.rank(images, product, requester);
            span.set({ 'cta.ranking': ranking.method });
            return ranking;
          },
        }),
    },
    webhooks: {
      ...webhooks,
      send: (message, requester) =>
        inSpan(tracing, 'send webhook', {
          kind: 'client',
          attributes: { 'server.address': hostOf(message.url), 'http.request.method': 'POST' },
          async work(span) {
            const answer = await webhooks.send(message, requester);
            if (answer.status !== null) span.set({ 'http.response.status_code': answer.status });
            return answer;
          },
        }),
    },
  };
}

function observeProviders(
  { copyGenerator, backgroundGenerator }: Pick<Adapters, 'copyGenerator' | 'backgroundGenerator'>,
  { meter, tracing }: Observers,
): Pick<Adapters, 'copyGenerator' | 'backgroundGenerator'> {
  /** Measures one call, from opening the connection to the end of the response. */
  async function observe<A extends { usage: Usage }>(
    call: { kind: CallKind; operation: string; provider: string; model: string; signal: AbortSignal },
    makeCall: () => Promise<A>,
  ): Promise<A> {
    const { kind, operation, provider, model, signal } = call;
    const started = performance.now();
    const span = tracing.start(`${operation} ${model}`, {
      kind: 'client',
      attributes: {
        'gen_ai.operation.name': operation,
        'gen_ai.provider.name': provider,
        'gen_ai.request.model': model,
        'cta.kind': kind,
      },
    });
    const record = (outcome: CallStatus, code: ErrorCode | null, usage?: Usage) => {
      const { inputTokens = null, outputTokens = null } = usage ?? {};
      const seconds = (performance.now() - started) / 1000;
      meter.countCall({ kind, outcome, code, seconds, inputTokens, outputTokens });
      span.set({
        'cta.outcome': outcome,
        ...(inputTokens === null ? {} : { 'gen_ai.usage.input_tokens': inputTokens }),
        ...(outputTokens === null ? {} : { 'gen_ai.usage.output_tokens': outputTokens }),
      });
      span.end(code ?? undefined);
    };
    try {
      const answer = await span.within(makeCall);
      record('answered', null, answer.usage);
      return answer;
    } catch (error) {
      const code = codeOf(error, signal);
      record(statusOfFailure(code), code, error instanceof AppError ? error.usage : undefined);
      throw error;
    }
  }
  return {
    copyGenerator: {
      ...copyGenerator,
      generateCopy(brief, call) {
        const { provider, model } = copyGenerator;
        const { signal } = call;
        return observe({ kind: 'text', operation: 'chat', provider, model, signal }, () =>
          copyGenerator.generateCopy(brief, call),
        );
      },
    },
    backgroundGenerator: {
      ...backgroundGenerator,
      generateBackground(brief, image, call) {
        const { provider, model } = backgroundGenerator;
        const { signal } = call;
        return observe({ kind: 'image', operation: 'generate_content', provider, model, signal }, () =>
          backgroundGenerator.generateBackground(brief, image, call),
        );
      },
    },
  };
}

/**
 * Returns the code that the ledger gets. An aborted call fails for the reason of its signal,
 * whatever error it throws. A call that a stop interrupted is found later without an outcome.
 */
function codeOf(error: unknown, signal: AbortSignal): ErrorCode {
  if (signal.reason instanceof Stopping) return 'ai_outcome_unknown';
  return toAppError(signal.aborted ? signal.reason : error).code;
}

function hostOf(url: string): string | undefined {
  return URL.parse(url)?.host;
}
