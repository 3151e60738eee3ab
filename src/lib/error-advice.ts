import type { ErrorCode } from './app-error.ts';

/**
 * The help for a code: its group, when it occurs, and what the user can do. Plain text with `code`
 * as in Markdown.
 */
export interface ErrorAdvice {
  readonly group: keyof typeof ERROR_GROUPS;
  readonly when: string;
  readonly todo: string;
}

/** Groups of codes, in the order in which a user meets them. */
export const ERROR_GROUPS = {
  request: 'Requests',
  page: 'Reading a page',
  ai: 'Asking the AI service',
  end: 'How a preview, a batch or a message ended',
} as const;

/**
 * Help for every code, in addition to its sentence. A code without an entry here does not compile.
 */
export const ERROR_ADVICE: Readonly<Record<ErrorCode, ErrorAdvice>> = {
  validation: {
    group: 'request',
    when: 'A field of the body, the address or a header is missing, unknown, of a wrong type or out of range.',
    todo: 'Correct what `errors` names: each entry has the `path` of a field and a `message`. Nothing was changed.',
  },
  invalid_json: {
    group: 'request',
    when: 'The body cannot be parsed: broken JSON, bytes that are no UTF-8, or a key such as `__proto__`.',
    todo: 'Let a JSON library write the body, and send it as UTF-8.',
  },
  invalid_cursor: {
    group: 'request',
    when: 'The `cursor` of a list was not made by this service, or was changed on its way.',
    todo: 'Follow `next` and `previous` as they are, or start again without a cursor.',
  },
  unauthorized: {
    group: 'request',
    when: 'The token is missing, unknown or expired, or did not come in the `Authorization` header.',
    todo: 'Send `Authorization: Bearer <token>`. A new token is made with `cta-batch token create --workspace NAME`.',
  },
  not_found: {
    group: 'request',
    when: 'The path or the id is unknown, or the id belongs to another workspace (both are answered alike).',
    todo: 'Check the address, the id, and whether the token is of the workspace that the id belongs to.',
  },
  method_not_allowed: {
    group: 'request',
    when: 'The address exists, but does not take the method of the request.',
    todo: 'Use one of the methods that the header `Allow` of the answer names.',
  },
  not_ready: {
    group: 'request',
    when: 'A preview that is not done yet was to be changed.',
    todo: 'Wait until its `status` is `done`, then send the change again.',
  },
  already_final: {
    group: 'request',
    when: 'What was to be cancelled is finished.',
    todo: 'Nothing: read it again to see how it ended.',
  },
  nothing_to_retry: {
    group: 'request',
    when: 'A batch or a preview was to be tried again, and nothing of it has failed or was cancelled.',
    todo: 'Read it again to see its state.',
  },
  still_under_way: {
    group: 'request',
    when: 'What was to be tried again, or generated anew, is not finished yet.',
    todo: 'Wait until it is finished, or cancel it first.',
  },
  precondition_failed: {
    group: 'request',
    when: "The version in `If-Match` (tRPC: `ifVersion`) is not the preview's version any more: someone else has changed it.",
    todo: 'Read the preview again, look whether the change is still wanted, and send it with the new `ETag`.',
  },
  idempotency_conflict: {
    group: 'request',
    when: 'The first request with the same `Idempotency-Key` has not been answered yet.',
    todo: 'Send the same request again after a moment: it is answered as the first one was.',
  },
  idempotency_mismatch: {
    group: 'request',
    when: 'The `Idempotency-Key` came before with another body or for another operation.',
    todo: 'Make a new key for each new request; use the same key only to send the very same request again.',
  },
  rate_limited: {
    group: 'request',
    when: 'The workspace has sent more requests than `REQUEST_RATE_LIMIT` lets in.',
    todo: 'Wait for the seconds that `Retry-After` names. Ask less often: watch a batch live, or send `If-None-Match`.',
  },
  too_many_streams: {
    group: 'request',
    when: 'The workspace has as many open streams of events as `STREAMS_PER_WORKSPACE` allows.',
    todo: 'Close streams that nobody reads, share one stream between readers, or have `STREAMS_PER_WORKSPACE` raised.',
  },
  overloaded: {
    group: 'request',
    when: 'A process that serves the API has as many open streams of events as `MAX_STREAMS` allows.',
    todo: 'Wait for the seconds that `Retry-After` names. If it stays, start another API process or raise `MAX_STREAMS`.',
  },
  payload_too_large: {
    group: 'request',
    when: 'The body is larger than 64 KB.',
    todo: 'Send less at once, for example one source per batch.',
  },
  unsupported_media_type: {
    group: 'request',
    when: 'The body came with another `Content-Type` than JSON, or with a `Content-Encoding` such as `gzip`.',
    todo: 'Send `Content-Type: application/json` (for a patch also `application/merge-patch+json`), not compressed.',
  },
  internal: {
    group: 'request',
    when: 'Something failed that should not have. The log has the cause, with the `request_id` of the answer.',
    todo: 'Try again; if it stays, tell who runs the service the `request_id`.',
  },
  unavailable: {
    group: 'request',
    when: 'PostgreSQL cannot be reached, or it is starting or stopping.',
    todo: 'Try again after some seconds. Batches that were accepted are not lost.',
  },

  address_refused: {
    group: 'page',
    when: 'The address of the page, or one that it redirects to, leads into a private network or to a port that is not allowed.',
    todo: 'Use an address that anyone on the internet can open. For a shop on your own network: `FETCH_ALLOW_HOSTS`; for other ports than 80 and 443: `FETCH_ALLOW_PORTS`.',
  },
  dns_failed: {
    group: 'page',
    when: 'The host name of the address is not known to the DNS, or the DNS did not answer.',
    todo: 'Check the address for a slip; try again if it opens in a browser.',
  },
  page_unreachable: {
    group: 'page',
    when: 'No connection to the shop could be made, or its certificate is not valid.',
    todo: 'Open the address in a browser; try again when the shop works.',
  },
  page_timeout: {
    group: 'page',
    when: 'The shop did not answer, or not to the end, within `FETCH_TIMEOUT`.',
    todo: 'Try again later; for a slow shop raise `FETCH_TIMEOUT`.',
  },
  page_cut: {
    group: 'page',
    when: 'The answer ended before the length that the shop had announced. Half a page is not used.',
    todo: 'Try again.',
  },
  page_gone: {
    group: 'page',
    when: 'The shop answered that the page does not exist (404, 410).',
    todo: "Use the product's present address.",
  },
  page_blocked: {
    group: 'page',
    when: 'The shop refused us, or showed a puzzle for robots in place of the page.',
    todo: 'Ask the shop to let the service in, or give the product by hand: `product` beside the `url`.',
  },
  page_login: {
    group: 'page',
    when: 'The shop answered 401, or with a login in place of the page.',
    todo: 'Use a public address, or give the product by hand: `product` beside the `url`.',
  },
  page_throttled: {
    group: 'page',
    when: 'The shop answered that it is asked too often, also after we had waited.',
    todo: 'Try again later, with fewer pages of this shop at once.',
  },
  page_disallowed: {
    group: 'page',
    when: "A rule of the shop's `robots.txt` excludes the page.",
    todo: 'Ask the shop to allow it, or give the product by hand: `product` beside the `url`.',
  },
  page_failed: {
    group: 'page',
    when: 'The shop answered with an error of its own, or with something that is no valid HTTP.',
    todo: 'Try again when the page opens in a browser.',
  },
  page_not_html: {
    group: 'page',
    when: 'The address leads to an image, a PDF, JSON or another file.',
    todo: "Use the address of the product's page.",
  },
  page_too_large: {
    group: 'page',
    when: 'The page has more bytes, or deeper nesting, than is read.',
    todo: 'Give the product by hand: `product` beside the `url`.',
  },
  bad_redirect: {
    group: 'page',
    when: 'The page redirects in a circle, too often, or to something that is no web address.',
    todo: 'Use the address where a browser ends up.',
  },
  not_a_product: {
    group: 'page',
    when: 'The page was read, and neither its data nor its text tells of one product: a list, a front page, an article.',
    todo: "Use the address of one product's page, or give the product by hand: `product` beside the `url`.",
  },
  no_usable_picture: {
    group: 'page',
    when: "None of the page's images could be loaded and decoded, or all are logos and icons.",
    todo: 'Use another page, or give the product by hand with its `image_urls`.',
  },
  source_crashed: {
    group: 'page',
    when: 'A worker ended each time it had read this page; so that others can go on, it is left alone.',
    todo: 'Use another page or give the product by hand, and tell who maintains the service the address.',
  },

  ai_refused: {
    group: 'ai',
    when: 'The AI service declined to write or draw for this product.',
    todo: 'Change the product, its image or the `tone`, and make a new batch.',
  },
  ai_bad_request: {
    group: 'ai',
    when: 'The AI service did not understand the request, most often because a model name is wrong.',
    todo: 'Check `AI_BASE_URL`, `AI_TEXT_MODEL` and `AI_IMAGE_MODEL` (and those of images); then try again.',
  },
  ai_bad_answer: {
    group: 'ai',
    when: 'The answer was no valid texts or no image, also when asked a second time.',
    todo: 'Try again; if it stays, use another model.',
  },
  ai_unauthorized: {
    group: 'ai',
    when: 'The AI service answered that the key is wrong, expired or without rights to the model.',
    todo: 'Set a valid `AI_API_KEY`; then try again.',
  },
  ai_rate_limited: {
    group: 'ai',
    when: 'The AI service answered 429, or 503 with `Retry-After`, in every try. All calls pause as long as it asked for.',
    todo: 'Set `PREVIEW_RATE_LIMIT` to what the account may use; then try again.',
  },
  ai_server_error: {
    group: 'ai',
    when: 'The AI service answered with a 5xx in every try.',
    todo: 'Try again later.',
  },
  ai_unreachable: {
    group: 'ai',
    when: 'No connection to the AI service could be made.',
    todo: 'Check `AI_BASE_URL` and the network; then try again.',
  },
  ai_timeout: {
    group: 'ai',
    when: 'The AI service gave no answer within `AI_TIMEOUT`, in every try.',
    todo: 'Try again later; for a slow model raise `AI_TIMEOUT`. The service may have billed the calls.',
  },
  ai_connection_lost: {
    group: 'ai',
    when: 'The connection broke after the request had been sent, in every try.',
    todo: 'Try again. The service may have billed the calls.',
  },
  provider_unavailable: {
    group: 'ai',
    when: 'The AI service failed for everybody, or no connection to it opened in time, and that did not end within `PROVIDER_WAIT`.',
    todo: 'Look into the log for the reason, and try again when the service works.',
  },
  ai_outcome_unknown: {
    group: 'ai',
    when: 'A worker ended while it waited for the AI service, several times for the same preview.',
    todo: 'Try again. The service may have billed the calls.',
  },
  superseded: {
    group: 'ai',
    when: 'Two tries of one call came to an answer; the first one is used. Seen in the ledger of calls, not in answers.',
    todo: 'Nothing.',
  },
  slot_expired: {
    group: 'ai',
    when: 'No connection to the AI service opened within 2 s, so the worker gave its slot back, many times over some minutes.',
    todo: 'Try again; look at the network to the AI service, or give the worker more processor time or a lower `WORKER_CONCURRENCY`.',
  },

  cancelled: {
    group: 'end',
    when: 'Someone cancelled the batch or the preview.',
    todo: 'Retry it if it is wanted after all.',
  },
  all_failed: {
    group: 'end',
    when: 'No preview of the batch could be made, for different reasons.',
    todo: 'Look at the `error` of each source and preview; retry the batch when their causes are gone.',
  },
  deleted: {
    group: 'end',
    when: 'All previews of the batch were deleted, for example with their product.',
    todo: 'Make a new batch.',
  },
  webhook_failed: {
    group: 'end',
    when: 'A webhook did not answer a message with a 2xx. It stands in the log, not in an answer.',
    todo: 'Nothing: it is tried again for 24 hours. `cta-batch webhook deliveries` lists what came of it, `webhook resend` sends one again.',
  },
};
