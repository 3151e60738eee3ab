import type { Usage } from '../adapters/ai/ai-provider.ts';
import type { CallKind, CallStatus } from '../ai-calls/ai-call.ts';
import { statusOfFailure } from '../ai-calls/close-call.ts';
import { type ErrorCode, toAppError } from '../lib/app-error.ts';
import type { Meter } from '../lib/meter.ts';
import { Stopping } from '../queue/run-job.ts';
import type { Adapters } from './create-adapters.ts';

/** The same adapters, and what they do is counted. */
export function observeAdapters(adapters: Adapters, { meter }: { meter: Meter }): Adapters {
  const { writer, painter } = adapters;

  async function observeCall<A extends { usage: Usage }>(
    kind: CallKind,
    signal: AbortSignal,
    ask: () => Promise<A>,
  ): Promise<A> {
    const started = performance.now();
    const count = (outcome: CallStatus, code: ErrorCode | null, usage?: Usage) => {
      const { inputTokens = null, outputTokens = null } = usage ?? {};
      const seconds = (performance.now() - started) / 1000;
      meter.countCall({ kind, outcome, code, seconds, inputTokens, outputTokens });
    };
    try {
      const answer = await ask();
      count('answered', null, answer.usage);
      return answer;
    } catch (error) {
      const code = codeOf(error, signal);
      count(statusOfFailure(code), code);
      throw error;
    }
  }

  return {
    ...adapters,
    writer: {
      ...writer,
      writeText: (brief, call) => observeCall('text', call.signal, () => writer.writeText(brief, call)),
    },
    painter: {
      ...painter,
      paintBackground: (brief, picture, call) =>
        observeCall('image', call.signal, () => painter.paintBackground(brief, picture, call)),
    },
  };
}

/** As it is written down: why it was ended, whatever the end looked like; what a stop cut off is found again with no outcome. */
function codeOf(error: unknown, signal: AbortSignal): ErrorCode {
  if (signal.reason instanceof Stopping) return 'ai_outcome_unknown';
  return toAppError(signal.aborted ? signal.reason : error).code;
}
