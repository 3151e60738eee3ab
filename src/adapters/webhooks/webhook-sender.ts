import { Webhook } from 'standardwebhooks';
import { Agent, request } from 'undici';
import type { AppError, ErrorCode } from '../../lib/app-error.ts';
import type { Requester } from '../../lib/fair-limit.ts';
import { readRetryAfter } from '../../lib/read-retry-after.ts';
import { USER_AGENT_PRODUCT } from '../../lib/user-agent.ts';
import type { AddressRules } from '../net/address-rules.ts';
import { classifyFetchFailure } from '../net/fetch-failure.ts';
import { createGuardedConnector, resolveFirst } from '../net/guarded-connector.ts';
import { createHostResolver, type HostResolver, type LookupAll } from '../net/host-resolver.ts';
import { checkWebhookAddress } from './check-address.ts';

/** From the connection to the head of the answer, and what is looked at of its body. */
const TIMEOUT_MS = 15_000;
/** An answer's body tells us nothing; a short one is read to its end so that the connection can be used again. */
const MAX_ANSWER_BYTES = 16 * 1024;

const SENTENCES: Partial<Record<ErrorCode, string>> = {
  address_refused: 'The address is not a public web address, so nothing is sent to it.',
  dns_failed: 'The host name could not be found.',
  page_timeout: 'No answer came in time.',
  page_failed: 'The answer was not HTTP.',
};

/** Hosts in `allowHosts` may do without https. */
export interface WebhookSenderOptions extends AddressRules {
  readonly timeoutMs?: number;
  /** Shared with others whose names strangers choose; one of its own without. */
  readonly resolver?: HostResolver | undefined;
  /** In place of DNS, for tests. */
  readonly lookupAll?: LookupAll | undefined;
  /** An HTTP proxy; see `createGuardedConnector`. */
  readonly proxy?: URL | undefined;
}

export interface WebhookMessage {
  /** The same in every try: by it a receiver knows what it has had already. */
  readonly id: string;
  readonly url: string;
  /** `whsec_…` */
  readonly secret: string;
  /** JSON. */
  readonly body: string;
}

export interface WebhookSender {
  /**
   * Sends a message by POST, signed as the Standard Webhooks specification says, to a public address (see
   * `createGuardedConnector`). Redirects are not followed. Answers the status, and the `Retry-After` if there is one; or, if no answer
   * came, why, in a sentence.
   *
   * @throws `signal.reason` when the signal aborts, and an `AppError` for an address that may not be sent to.
   */
  send(
    message: WebhookMessage,
    requester: Requester,
  ): Promise<{ status: number; error: null; retryAfterMs?: number } | { status: null; error: string }>;
  /** Closes every connection; what is still under way fails. */
  close(): Promise<void>;
}

/** Builds the one door through which webhooks are told. */
export function createWebhookSender(options: WebhookSenderOptions): WebhookSender {
  const { lookupAll, timeoutMs = TIMEOUT_MS } = options;
  const guard = { ...options, resolver: options.resolver ?? createHostResolver({ lookupAll }), timeoutMs };
  const agent = new Agent({
    connect: createGuardedConnector(guard),
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    allowH2: false,
  });
  return {
    async send(message, { owner, signal }) {
      const target = checkWebhookAddress(message.url, options);
      const deadline = AbortSignal.timeout(timeoutMs);
      const either = AbortSignal.any([signal, deadline]);
      try {
        await resolveFirst(target, { owner, signal: either }, guard);
        const { statusCode, headers, body } = await request(target, {
          method: 'POST',
          dispatcher: agent,
          signal: either,
          headers: makeHeaders(message),
          body: message.body,
        });
        // The status is the answer, however its body goes on.
        await body.dump({ limit: MAX_ANSWER_BYTES, signal: either }).catch(() => {});
        const retryAfter = String(headers['retry-after'] ?? '');
        const retryAfterMs = readRetryAfter(new Headers({ 'retry-after': retryAfter }), Date.now());
        return { status: statusCode, error: null, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
      } catch (error) {
        signal.throwIfAborted();
        return { status: null, error: deadline.aborted ? say('page_timeout') : explain(error) };
      }
    },
    close: () => agent.destroy(),
  };
}

function makeHeaders({ id, secret, body }: WebhookMessage): Record<string, string> {
  const now = new Date();
  return {
    'content-type': 'application/json',
    'user-agent': `${USER_AGENT_PRODUCT} (webhooks)`,
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
    'webhook-signature': new Webhook(secret).sign(id, now, body),
  };
}

function explain(error: unknown): string {
  const { code }: AppError = classifyFetchFailure(error, false);
  const reason = (error as { code?: unknown }).code;
  // A name such as CERT_HAS_EXPIRED tells what a person can mend; a message could tell addresses.
  return typeof reason === 'string' && !(code in SENTENCES)
    ? `The receiver could not be reached (${reason}).`
    : say(code);
}

function say(code: ErrorCode): string {
  return SENTENCES[code] ?? 'The receiver could not be reached.';
}
