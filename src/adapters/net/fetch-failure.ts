import type { Readable } from 'node:stream';
import { AppError, type ErrorCode } from '../../lib/app-error.ts';
import { readRetryAfter } from '../../lib/read-retry-after.ts';
import { decodeBody } from './decode-body.ts';

/** The status and headers of an answer, and its body as it was sent. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readable;
}

/** How much of an error page, as it was sent, is searched for signs of a challenge. */
const PEEK_BYTES = 64 * 1024;
const MAX_PEEK_BYTES = 4 * 1024 * 1024;

const CHALLENGE_WORDS = /captcha|challenge|robot check|are you a robot|access denied|unusual traffic/i;

const CODES: Readonly<Record<string, ErrorCode>> = {
  ENOTFOUND: 'dns_failed',
  EAI_AGAIN: 'dns_failed',
  EAI_FAIL: 'dns_failed',
  EAI_NODATA: 'dns_failed',
  EAI_NONAME: 'dns_failed',
  ENODATA: 'dns_failed',
  ETIMEDOUT: 'page_timeout',
  UND_ERR_CONNECT_TIMEOUT: 'page_timeout',
  UND_ERR_HEADERS_TIMEOUT: 'page_timeout',
  UND_ERR_BODY_TIMEOUT: 'page_timeout',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'page_cut',
  UND_ERR_HEADERS_OVERFLOW: 'page_failed',
};

/**
 * Converts a network error into an `AppError` and keeps it as the cause. `isInBody`: whether the
 * headers had already arrived.
 */
export function classifyFetchFailure(error: unknown, isInBody: boolean): AppError {
  for (const cause of listCauses(error)) {
    if (cause instanceof AppError) return cause;
    const { code, name, message } = cause as { code?: unknown; name?: unknown; message?: unknown };
    const named = typeof code === 'string' && Object.hasOwn(CODES, code) ? CODES[code] : undefined;
    if (named !== undefined) return new AppError(named, { cause: error });
    // Not HTTP, or an unrequested answer (100, 101). undici gives these errors no code of their
    // own.
    const isNonsense = name === 'HTTPParserError' || message === 'bad response' || message === 'bad upgrade';
    if (isNonsense) return new AppError('page_failed', { cause: error });
  }
  return new AppError(isInBody ? 'page_cut' : 'page_unreachable', { cause: error });
}

/**
 * Whether the connection was open but ended without an answer. This happens when the server has
 * closed a kept connection, and it may not have seen the request.
 */
export function isLostConnection(error: unknown): boolean {
  return listCauses(error).some((cause) => {
    const { code, message } = cause as { code?: unknown; message?: unknown };
    if (code === 'UND_ERR_SOCKET') return message === 'other side closed' || message === 'closed';
    return code === 'ECONNRESET' || code === 'EPIPE';
  });
}

/**
 * Returns an error, its causes, and the errors in an AggregateError (several addresses were tried).
 */
function listCauses(error: unknown): object[] {
  const found: object[] = [];
  const pending: unknown[] = [error];
  while (pending.length > 0 && found.length < 20) {
    const next = pending.shift();
    if (typeof next !== 'object' || next === null) continue;
    found.push(next);
    const { cause, errors } = next as { cause?: unknown; errors?: unknown };
    pending.push(cause, ...(Array.isArray(errors) ? errors : []));
  }
  return found;
}

/**
 * Returns the failure that the status or a challenge stands for, or undefined for a page. Reads the
 * body only of a 503.
 */
export async function findStatusFailure(answer: Answer, now: number): Promise<AppError | undefined> {
  const { status, headers } = answer;
  if (status >= 200 && status <= 299 && !isChallenge(headers)) return undefined;
  const code = isChallenge(headers) ? 'page_blocked' : await nameStatus(answer);
  const retryAfterMs = code === 'page_throttled' ? readRetryAfter(headers, now) : undefined;
  const cause = new Error(`HTTP ${status}`);
  return new AppError(code, { cause, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });
}

async function nameStatus(answer: Answer): Promise<ErrorCode> {
  switch (answer.status) {
    case 404:
    case 410:
      return 'page_gone';
    case 401:
      return 'page_login';
    case 403:
    case 451:
      return 'page_blocked';
    case 429:
      return 'page_throttled';
    case 503:
      return CHALLENGE_WORDS.test(await peek(answer)) ? 'page_blocked' : 'page_failed';
    default:
      return 'page_failed';
  }
}

/** Cloudflare and AWS WAF send these headers with their challenges, whatever the status. */
function isChallenge(headers: Headers): boolean {
  return headers.get('cf-mitigated') === 'challenge' || headers.has('x-amzn-waf-action');
}

async function peek({ headers, body }: Answer): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    size += chunk.byteLength;
    if (size >= PEEK_BYTES) break;
  }
  try {
    const contentEncoding = headers.get('content-encoding');
    // The rest of the body was not read, and this is not an error here.
    const bytes = await decodeBody(Buffer.concat(chunks), {
      contentEncoding,
      isWhole: true,
      maxBytes: MAX_PEEK_BYTES,
    });
    return bytes.toString('latin1');
  } catch {
    return '';
  }
}
