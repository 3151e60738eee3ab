import type { BackgroundGenerator, Brief, CallContext, CopyGenerator } from '../adapters/ai/ai-provider.ts';
import { SEND_WITHIN_MS } from '../ai-calls/ai-call.ts';
import { recordDeparture } from '../ai-calls/record-departure.ts';
import { AppError } from '../lib/app-error.ts';
import type { Log } from '../lib/log.ts';
import type { ClaimedCall } from '../pipeline/claim-calls.ts';
import { loadImage, readInput } from '../pipeline/load-input.ts';
import { recordLateAnswer } from '../pipeline/record-late-answer.ts';
import type { AnswerSettler } from '../pipeline/settle-answer.ts';
import { settleCallFailure } from '../pipeline/settle-call-failure.ts';
import { storeBackground, storeCopy } from '../pipeline/store-answer.ts';
import { done, dropped } from '../queue/outcome.ts';
import { retryThroughOutages, type Step } from '../queue/run-job.ts';

/** Storing a paid answer is tried again for some seconds, whatever the error. */
const STORE_RETRIES = { otherTries: 5 };

/** The dependencies of the features, and the services for texts and backgrounds. */
export type GeneratePreviewDeps = Parameters<typeof settleCallFailure>[0] & {
  readonly log: Log;
  readonly answers: AnswerSettler;
  readonly copyGenerator: CopyGenerator;
  readonly backgroundGenerator: BackgroundGenerator;
  readonly aiTimeoutMs: number;
};

/**
 * Makes one claimed call of a preview: loads its input, makes the call, stores the answer at once,
 * and settles the preview. Both calls of a start run at the same time; the one that ends last
 * finishes the preview.
 */
export function generatePreview(deps: GeneratePreviewDeps): Step<ClaimedCall> {
  const generate = { text: generateCopy, image: generateBackground };
  return {
    jobOf: ({ job }) => job,
    describe: ({ batchId, previewId, kind, callId }) => ({ batchId, previewId, kind, callId }),
    async run(call, signal) {
      if (!call.input) throw createDeletedError();
      const outcome = await generate[call.kind](deps, call, readInput(call.input), signal);
      if (outcome === 'late') {
        await retryThroughOutages(() => recordLateAnswer(deps, call));
        return dropped('this worker was marked dead; its answer is stored');
      }
      await retryThroughOutages(() => deps.answers.settle(call));
      return done;
    },
    async settleFailure(call, error) {
      if (error.retryAfterMs !== undefined) {
        const seconds = Math.ceil(error.retryAfterMs / 1000);
        deps.log.warn(
          { seconds, code: error.code },
          'the AI service asked to wait: all calls are paused until then',
        );
      }
      const { breakerOpened, ...outcome } = await settleCallFailure(deps, call, error);
      if (breakerOpened) {
        deps.log.warn(
          { kind: call.kind, code: error.code },
          error.code === 'slot_expired'
            ? 'connections to the AI service do not open in time: calls wait, with one probe every 5 s'
            : 'the AI service keeps failing: calls wait, with one probe every 5 s',
        );
      }
      return outcome;
    },
  };
}

/** The prefill step: texts. */
async function generateCopy(deps: GeneratePreviewDeps, call: ClaimedCall, brief: Brief, signal: AbortSignal) {
  const answer = await deps.copyGenerator.generateCopy(brief, callContext(deps, call, signal));
  const { headline, subheadline, body, ctaText, model, usage } = answer;
  const texts = { headline, subheadline, body, ctaText };
  return retryThroughOutages(
    () => storeCopy(deps, call, { texts, usage: { model, ...usage } }),
    STORE_RETRIES,
  );
}

/** The background step: an image made from the product's image. */
async function generateBackground(
  deps: GeneratePreviewDeps,
  call: ClaimedCall,
  brief: Brief,
  signal: AbortSignal,
) {
  const product = await retryThroughOutages(() => loadImage(deps, call.previewId), { signal });
  if (!product) throw createDeletedError();
  const answer = await deps.backgroundGenerator.generateBackground(
    brief,
    product,
    callContext(deps, call, signal),
  );
  const { palette, model, usage, ...image } = answer;
  return retryThroughOutages(
    () => storeBackground(deps, call, { image, palette, usage: { model, ...usage } }),
    STORE_RETRIES,
  );
}

function createDeletedError(): AppError {
  return new AppError('deleted', { detail: 'The preview was deleted.' });
}

function callContext(deps: GeneratePreviewDeps, call: ClaimedCall, signal: AbortSignal): CallContext {
  return {
    idempotencyKey: call.idempotencyKey,
    owner: call.workspaceId,
    signal,
    timeoutMs: deps.aiTimeoutMs,
    sendBefore: call.claimedAt + SEND_WITHIN_MS,
    onLeft() {
      if (!call.counted) return;
      // Not awaited: until it is written, the slot counts as taken, which is safe.
      retryThroughOutages(() => recordDeparture(deps.orm, call.callId), { signal }).catch((err: unknown) =>
        deps.log.warn(
          { err, callId: call.callId },
          'the time at which a request was sent could not be recorded',
        ),
      );
    },
  };
}
