import type OpenAI from 'openai';
import { AppError } from '../../lib/app-error.ts';
import type { CallContext } from './ai-provider.ts';
import { classifyAnswer } from './classify-answer.ts';
import { createSendOnce } from './send-once.ts';

/** The part of the client's request options that we set. */
interface AskOptions {
  readonly headers: Record<string, string>;
  readonly timeout: number;
}

/**
 * Makes one request with the `openai` client over a connection of its own and returns the answer's JSON,
 * unchecked. Throws an `AppError` with the failure's code, or the signal's reason.
 */
export async function callOpenAi(
  client: OpenAI,
  call: CallContext,
  ask: (client: OpenAI, options: AskOptions) => { asResponse(): Promise<Response> },
): Promise<unknown> {
  const sendOnce = createSendOnce(call);
  let failure: { readonly error: unknown } | undefined;
  // The client wraps what its fetch throws, and reads messages to guess a kind. We know the kind: keep it.
  const fetch = Object.assign(
    async (input: string | URL | Request, init?: RequestInit) => {
      try {
        return await sendOnce(input, init);
      } catch (error) {
        failure = { error };
        throw error;
      }
    },
    { Response },
  );
  const options: AskOptions = {
    headers: { 'Idempotency-Key': call.idempotencyKey },
    // Ours is the one that counts; the client's own only has to be out of its way.
    timeout: Math.ceil(call.timeoutMs) + 60_000,
  };
  let text: string;
  try {
    const response = await ask(client.withOptions({ fetch }), options).asResponse();
    text = await response.text();
  } catch (error) {
    if (failure !== undefined) throw failure.error;
    throw classifyAnswer(error, Date.now());
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AppError('ai_bad_answer', { cause });
  }
}
