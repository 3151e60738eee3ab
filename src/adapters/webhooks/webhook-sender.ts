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

/** From connecting to the headers of the answer, and for the part of the body that is read. */
const TIMEOUT_MS = 15_000;
/**
 * The body of an answer is ignored. A short one is read to its end, so that the connection can be
 * used again.
 */
const MAX_ANSWER_BYTES = 16 * 1024;

const SENTENCES: Partial<Record<ErrorCode, string>> = {
  address_refused: 'The address is not a public web address, so nothing was sent to it.',
  dns_failed: 'The host name could not be found.',
  page_timeout: 'The receiver did not answer in time.',
  page_failed: 'The response was not valid HTTP.',
};

/** Hosts in `allowHosts` do not need https. */
export interface WebhookSenderOptions extends AddressRules {
  readonly timeoutMs?: number;
  /**
   * Pass the same resolver to everything that connects to untrusted names. If absent, a new one.
   */
  readonly resolver?: HostResolver | undefined;
  /** Replaces DNS in tests. */
  readonly lookupAll?: LookupAll | undefined;
  /** An HTTP proxy. See `createGuardedConnector`. */
  readonly proxy?: URL | undefined;
}

export interface WebhookMessage {
  /** The same in every try, so that a receiver can recognize a repeat. */
  readonly id: string;
  readonly url: string;
  /** `whsec_…` */
  readonly secret: string;
  /** JSON. */
  readonly body: string;
}

export interface WebhookSender {
  /**
   * Sends a message by POST to a public address (see `createGuardedConnector`), signed as the
   * Standard Webhooks specification requires. Does not follow redirects. Returns the status and the
   * `Retry-After`, if there is one. If no answer came, returns the reason in a sentence.
   *
   * @throws `signal.reason` when the signal aborts; an `AppError` for an address that is not
   *   allowed.
   */
  send(
    message: WebhookMessage,
    requester: Requester,
  ): Promise<{ status: number; error: null; retryAfterMs?: number } | { status: null; error: string }>;
  /** Closes every connection. Requests that are still running fail. */
  close(): Promise<void>;
}

/** Creates the sender of webhooks, which must not be sent in any other way. */
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
        // The status alone is the result, whatever happens to the body.
        await body.dump({ limit: MAX_ANSWER_BYTES, signal: either }).catch(() => {});
        const retryAfter = String(headers['retry-after'] ?? '');
        const retryAfterMs = readRetryAfter(new Headers({ 'retry-after': retryAfter }), Date.now());
        return { status: statusCode, error: null, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
      } catch (error) {
        signal.throwIfAborted();
        return { status: null, error: deadline.aborted ? describe('page_timeout') : describeFailure(error) };
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

function describeFailure(error: unknown): string {
  const { code }: AppError = classifyFetchFailure(error, false);
  const reason = (error as { code?: unknown }).code;
  // A code such as CERT_HAS_EXPIRED helps the person who must fix it. A message could contain
  // addresses.
  return typeof reason === 'string' && !(code in SENTENCES)
    ? `The receiver could not be reached (${reason}).`
    : describe(code);
}

function describe(code: ErrorCode): string {
  return SENTENCES[code] ?? 'The receiver could not be reached.';
}
