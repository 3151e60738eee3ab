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
  ai: 'Calling the AI service',
  end: 'How a preview, a batch or a delivery ended',
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
    when: 'The body cannot be parsed: broken JSON, invalid UTF-8, or a key such as `__proto__`.',
    todo: 'Create the body with a JSON library, and send it as UTF-8.',
  },
  invalid_cursor: {
    group: 'request',
    when: 'The `cursor` of a list was not issued by this service, or was modified.',
    todo: 'Use `next` and `previous` unmodified, or start again without a cursor.',
  },
  unauthorized: {
    group: 'request',
    when: 'The token is missing, unknown or expired, or is not in the `Authorization` header.',
    todo: 'Send `Authorization: Bearer <token>`. Create a token with `cta-batch token create --workspace NAME`.',
  },
  not_found: {
    group: 'request',
    when: 'The path or the id is unknown, or the id belongs to another workspace (the response is the same).',
    todo: 'Check the address and the id, and whether the token and the id belong to the same workspace.',
  },
  method_not_allowed: {
    group: 'request',
    when: 'The address exists, but does not support the method of the request.',
    todo: 'Use one of the methods in the `Allow` header of the response.',
  },
  not_ready: {
    group: 'request',
    when: 'The request changes a preview that is not done yet.',
    todo: 'Wait until its `status` is `done`, then send the change again.',
  },
  already_final: {
    group: 'request',
    when: 'The request cancels a batch or preview that is already finished.',
    todo: 'Nothing. Read the batch or preview again to see how it ended.',
  },
  nothing_to_retry: {
    group: 'request',
    when: 'The request retries a batch or preview in which nothing failed or was canceled.',
    todo: 'Read the batch or preview again to see its status.',
  },
  still_under_way: {
    group: 'request',
    when: 'The request retries, regenerates or changes the image of a preview that is not finished yet.',
    todo: 'Wait until the preview is finished, or cancel it first.',
  },
  precondition_failed: {
    group: 'request',
    when: 'The version in `If-Match` (tRPC: `ifVersion`) is no longer the current version of the preview: someone else has changed it.',
    todo: 'Read the preview again, check whether the change is still needed, and send it with the new `ETag`.',
  },
  idempotency_conflict: {
    group: 'request',
    when: 'The first request with the same `Idempotency-Key` is still in progress.',
    todo: 'Send the same request again after a moment. It gets the response of the first one.',
  },
  idempotency_mismatch: {
    group: 'request',
    when: 'The `Idempotency-Key` was already used with another body or for another operation.',
    todo: 'Use a new key for each new request, and the same key only to send an identical request again.',
  },
  rate_limited: {
    group: 'request',
    when: 'The workspace has sent more requests than `REQUEST_RATE_LIMIT` allows.',
    todo: 'Wait for the number of seconds in `Retry-After`. Send fewer requests: watch a batch with its event stream, or send `If-None-Match`.',
  },
  too_many_streams: {
    group: 'request',
    when: 'The workspace has as many open event streams as `STREAMS_PER_WORKSPACE` allows.',
    todo: 'Close unused streams, share one stream between readers, or raise `STREAMS_PER_WORKSPACE`.',
  },
  overloaded: {
    group: 'request',
    when: 'The API process has as many open event streams as `MAX_STREAMS` allows.',
    todo: 'Wait for the number of seconds in `Retry-After`. If the error persists, start another API process or raise `MAX_STREAMS`.',
  },
  payload_too_large: {
    group: 'request',
    when: 'The body is larger than 64 KB.',
    todo: 'Send less data in one request, for example one source per batch.',
  },
  unsupported_media_type: {
    group: 'request',
    when: 'The body has a `Content-Type` other than JSON, or a `Content-Encoding` such as `gzip`.',
    todo: 'Send `Content-Type: application/json` (for a patch also `application/merge-patch+json`) without compression.',
  },
  internal: {
    group: 'request',
    when: 'An unexpected error occurred. The log has the cause, under the `request_id` of the response.',
    todo: 'Try again. If the error persists, report the `request_id` to the operator of the service.',
  },
  unavailable: {
    group: 'request',
    when: 'PostgreSQL cannot be reached, or it is starting or stopping.',
    todo: 'Try again after a few seconds. Accepted batches are not lost.',
  },

  address_refused: {
    group: 'page',
    when: 'The address of the page, or a redirect from it, leads to a private network or to a port that is not allowed.',
    todo: 'Use an address that is public on the internet. To allow a shop on your own network, set `FETCH_ALLOW_HOSTS`; to allow ports other than 80 and 443, set `FETCH_ALLOW_PORTS`.',
  },
  dns_failed: {
    group: 'page',
    when: 'The DNS does not know the host name, or did not answer.',
    todo: 'Check the address for a typing error. If it opens in a browser, try again.',
  },
  page_unreachable: {
    group: 'page',
    when: 'The service could not connect to the shop, or the certificate of the shop is not valid.',
    todo: 'Open the address in a browser, and try again when the shop works.',
  },
  page_timeout: {
    group: 'page',
    when: 'The shop did not send a complete response within `FETCH_TIMEOUT`.',
    todo: 'Try again later. For a slow shop, raise `FETCH_TIMEOUT`.',
  },
  page_cut: {
    group: 'page',
    when: 'The response was shorter than its stated length. Incomplete pages are not used.',
    todo: 'Try again.',
  },
  page_gone: {
    group: 'page',
    when: 'The shop returned 404 or 410.',
    todo: 'Use the current address of the product.',
  },
  page_blocked: {
    group: 'page',
    when: 'The shop refused the request, or returned a CAPTCHA or bot check instead of the page.',
    todo: 'Ask the shop to allow this service, or send the product data yourself: set `product` next to `url`.',
  },
  page_login: {
    group: 'page',
    when: 'The shop returned 401, or a login form instead of the page.',
    todo: 'Use a public address, or send the product data yourself: set `product` next to `url`.',
  },
  page_throttled: {
    group: 'page',
    when: 'The shop reported too many requests, also after a pause.',
    todo: 'Try again later, with fewer pages of this shop at the same time.',
  },
  page_disallowed: {
    group: 'page',
    when: "A rule of the shop's `robots.txt` excludes the page.",
    todo: 'Ask the shop to allow it, or send the product data yourself: set `product` next to `url`.',
  },
  page_failed: {
    group: 'page',
    when: 'The shop returned a server error, or a response that is not valid HTTP.',
    todo: 'Try again when the page opens in a browser.',
  },
  page_not_html: {
    group: 'page',
    when: 'The address returns an image, a PDF, JSON or another file instead of HTML.',
    todo: 'Use the address of the product page.',
  },
  page_too_large: {
    group: 'page',
    when: 'The page is larger, or nested more deeply, than the limits allow.',
    todo: 'Send the product data yourself: set `product` next to `url`.',
  },
  bad_redirect: {
    group: 'page',
    when: 'The page redirects in a loop, too many times, or to an address that is not a web address.',
    todo: 'Use the final address that a browser shows.',
  },
  not_a_product: {
    group: 'page',
    when: 'The page was read, but neither its data nor its text describes a single product. It may be a list, a home page or an article.',
    todo: 'Use the address of a page of one product, or send the product data yourself: set `product` next to `url`.',
  },
  no_usable_picture: {
    group: 'page',
    when: 'No image of the page could be loaded and decoded, or all of them are logos and icons.',
    todo: 'Use another page, or send the product data yourself, with `image_urls`.',
  },
  source_crashed: {
    group: 'page',
    when: 'A worker crashed each time it read this page. The page is not read again, so that other work can continue.',
    todo: 'Use another page or send the product data yourself, and report the address to the maintainers of the service.',
  },

  ai_refused: {
    group: 'ai',
    when: 'The AI service declined to generate the texts or the image for this product.',
    todo: 'Change the product, its image or the `tone`, and create a new batch.',
  },
  ai_bad_request: {
    group: 'ai',
    when: 'The AI service rejected the request, usually because a model name is wrong.',
    todo: 'Check `AI_BASE_URL`, `AI_TEXT_MODEL` and `AI_IMAGE_MODEL` (and the other settings of the AI service), then try again.',
  },
  ai_bad_answer: {
    group: 'ai',
    when: 'The answer did not contain valid texts or an image, also in a second attempt.',
    todo: 'Try again. If the error persists, use another model.',
  },
  ai_unauthorized: {
    group: 'ai',
    when: 'The AI service reported that the key is wrong, expired or not allowed to use the model.',
    todo: 'Set a valid `AI_API_KEY`, then try again.',
  },
  ai_rate_limited: {
    group: 'ai',
    when: 'The AI service returned 429, or 503 with `Retry-After`, in every attempt. All calls pause for the time that it requests.',
    todo: 'Set `PREVIEW_RATE_LIMIT` to the limit of your account, then try again.',
  },
  ai_server_error: {
    group: 'ai',
    when: 'The AI service returned a 5xx status in every attempt.',
    todo: 'Try again later.',
  },
  ai_unreachable: {
    group: 'ai',
    when: 'The service could not connect to the AI service.',
    todo: 'Check `AI_BASE_URL` and the network, then try again.',
  },
  ai_timeout: {
    group: 'ai',
    when: 'The AI service did not answer within `AI_TIMEOUT` in any attempt.',
    todo: 'Try again later. For a slow model, raise `AI_TIMEOUT`. The AI service may have billed the calls.',
  },
  ai_connection_lost: {
    group: 'ai',
    when: 'The connection was lost after the request was sent, in every attempt.',
    todo: 'Try again. The AI service may have billed the calls.',
  },
  provider_unavailable: {
    group: 'ai',
    when: 'The AI service failed for all previews, or no connection to it opened in time, for longer than `PROVIDER_WAIT`.',
    todo: 'Look for the reason in the log, and try again when the AI service works.',
  },
  ai_outcome_unknown: {
    group: 'ai',
    when: 'A worker ended while it waited for the AI service, several times for the same preview.',
    todo: 'Try again. The AI service may have billed the calls.',
  },
  superseded: {
    group: 'ai',
    when: 'Two attempts of one call were answered; the first answer is used. This code appears on the ledger of calls, not in responses.',
    todo: 'Nothing.',
  },
  slot_expired: {
    group: 'ai',
    when: 'No connection to the AI service opened within 2 s, so the worker released its slot, many times over some minutes.',
    todo: 'Try again. Check the network to the AI service, give the worker more CPU time, or lower `WORKER_CONCURRENCY`.',
  },

  cancelled: {
    group: 'end',
    when: 'A client canceled the batch or the preview.',
    todo: 'Retry the batch or the preview if it is still needed.',
  },
  all_failed: {
    group: 'end',
    when: 'No preview of the batch could be generated, for different reasons.',
    todo: 'Read the `error` of each source and preview, and retry the batch when the causes are fixed.',
  },
  deleted: {
    group: 'end',
    when: 'All previews of the batch were deleted, for example with their product.',
    todo: 'Create a new batch.',
  },
  webhook_failed: {
    group: 'end',
    when: 'A webhook did not return a 2xx status for a delivery. This code appears in the log, not in responses.',
    todo: 'Nothing: the delivery is retried for 24 hours. `cta-batch webhook deliveries` lists the results, and `cta-batch webhook resend` sends a delivery again.',
  },
};
