import { AsyncLocalStorage } from 'node:async_hooks';
import type OpenAI from 'openai';
import { AppError } from '../../lib/app-error.ts';
import type { CallContext } from './ai-provider.ts';
import { classifyAnswer } from './classify-answer.ts';
import { createClient, type OpenAiSettings } from './create-client.ts';
import { createSendOnce, type SendOnce } from './send-once.ts';

/** The part of the client's request options that we set. */
interface AskOptions {
  readonly headers: Record<string, string>;
  readonly timeout: number;
}

/**
 * Makes one request with the `openai` client over a connection of its own and returns the answer's JSON,
 * unchecked. Throws an `AppError` with the failure's code, or the signal's reason.
 */
export type CallOpenAi = (
  call: CallContext,
  ask: (client: OpenAI, options: AskOptions) => { asResponse(): Promise<Response> },
) => Promise<unknown>;

/** What a call sends with, and what that failed with. */
interface Sender {
  readonly sendOnce: SendOnce;
  failure?: { readonly error: unknown };
  /** The body of a refusal, if it is JSON. */
  refusal?: unknown;
}

/**
 * One client for all calls of a service: making one takes as long as a request, and each would try its uploads anew.
 * An answer of more than `maxCharacters` is `ai_bad_answer`: reading JSON takes the event loop by its length.
 */
export function createCallOpenAi(
  settings: OpenAiSettings,
  maxCharacters = Number.POSITIVE_INFINITY,
): CallOpenAi {
  const senders = new AsyncLocalStorage<Sender>();
  const client = createClient(settings, Object.assign(sendForCall, { Response }));

  /** The client wraps what its fetch throws, and reads messages to guess a kind. We know the kind: keep it. */
  async function sendForCall(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    const sender = senders.getStore();
    if (!sender) throw new Error('a request without a call');
    try {
      const response = await sender.sendOnce(input, init);
      if (!response.ok) sender.refusal = await readRefusal(response.clone());
      return response;
    } catch (error) {
      sender.failure = { error };
      throw error;
    }
  }

  return async (call, ask) => {
    const options: AskOptions = {
      headers: { 'Idempotency-Key': call.idempotencyKey },
      // Ours is the one that counts; the client's own only has to be out of its way.
      timeout: Math.ceil(call.timeoutMs) + 60_000,
    };
    const sender: Sender = { sendOnce: createSendOnce(call, { proxies: settings.proxies }) };
    let text: string;
    try {
      const response = await senders.run(sender, () => ask(client, options).asResponse());
      text = await response.text();
    } catch (error) {
      if (sender.failure !== undefined) throw sender.failure.error;
      throw classifyAnswer(error, Date.now(), sender.refusal);
    }
    if (text.length > maxCharacters)
      throw new AppError('ai_bad_answer', { cause: new Error('answer too large') });
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw new AppError('ai_bad_answer', { cause });
    }
  };
}

/**
 * The client keeps only the field `error` of a refusal; Gemini's is a list, and others have the
 * reason beside it.
 */
async function readRefusal(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch {
    return undefined;
  }
}
