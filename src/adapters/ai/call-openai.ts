import { AsyncLocalStorage } from 'node:async_hooks';
import type OpenAI from 'openai';
import { AppError } from '../../lib/app-error.ts';
import type { CallContext } from './ai-provider.ts';
import { classifyAnswer } from './classify-answer.ts';
import { createClient, type OpenAiSettings } from './create-client.ts';
import { createSendOnce, type SendOnce } from './send-once.ts';

/** Bodies of error responses that are longer are not parsed: parsing blocks the event loop. */
const MAX_REFUSAL_BYTES = 64 * 1024;

/** The part of the client's request options that we set. */
interface AskOptions {
  readonly headers: Record<string, string>;
  readonly timeout: number;
}

/**
 * Makes one request with the `openai` client over its own connection. Returns the JSON of the
 * answer without validation. Throws an `AppError` with the code of the failure, or the signal's
 * reason.
 */
export type CallOpenAi = (
  call: CallContext,
  ask: (client: OpenAI, options: AskOptions) => { asResponse(): Promise<Response> },
) => Promise<unknown>;

/** The fetch of one call, and the error it failed with. */
interface Sender {
  readonly sendOnce: SendOnce;
  failure?: { readonly error: unknown };
  /**
   * The body of an error response, if it is JSON and not too large. The client keeps only its field
   * `error`. Gemini sends a list, and other services put the reason beside `error`.
   */
  refusal?: unknown;
}

/**
 * One client serves all calls of a service: creating one takes as long as a request, and each new
 * client checks again whether its fetch can upload forms.
 * An answer of more than `maxCharacters` is `ai_bad_answer`: parsing JSON blocks the event loop for
 * a time that grows with its length.
 */
export function createCallOpenAi(
  settings: OpenAiSettings,
  maxCharacters = Number.POSITIVE_INFINITY,
): CallOpenAi {
  const senders = new AsyncLocalStorage<Sender>();
  const client = createClient(settings, Object.assign(sendForCall, { Response }));

  /** Keeps the original error: the client wraps it and guesses its kind from the message. */
  async function sendForCall(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    const sender = senders.getStore();
    if (!sender) throw new Error('a request without its call');
    try {
      const response = await sender.sendOnce(input, init);
      if (response.ok || response.body === null) return response;
      const { text, isComplete } = await readStart(response.body);
      if (isComplete) sender.refusal = parse(text);
      return new Response(text, response);
    } catch (error) {
      sender.failure = { error };
      throw error;
    }
  }

  return async (call, ask) => {
    const options: AskOptions = {
      headers: { 'Idempotency-Key': call.idempotencyKey },
      // `sendOnce` enforces the timeout, so the timeout of the client must be longer.
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
      throw new AppError('ai_bad_answer', { cause: new Error('response too large') });
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw new AppError('ai_bad_answer', { cause });
    }
  };
}

/** Reads up to `MAX_REFUSAL_BYTES` of a body. */
async function readStart(body: ReadableStream<Uint8Array>): Promise<{ text: string; isComplete: boolean }> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    chunks.push(chunk.subarray(0, MAX_REFUSAL_BYTES - length));
    length += chunk.length;
    if (length > MAX_REFUSAL_BYTES) break;
  }
  return { text: Buffer.concat(chunks).toString(), isComplete: length <= MAX_REFUSAL_BYTES };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
