import type { Readable } from 'node:stream';
import { AppError, type ErrorCode } from '../../lib/app-error.ts';
import { readRetryAfter } from '../../lib/read-retry-after.ts';
import { decodeBody } from './decode-body.ts';

/** The head of an answer, and its body as it comes over the wire. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readable;
}

/** How much of an error page, as sent, is looked at for signs of a challenge. */
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

/** Names a failure of the network. `isInBody`: the head of the answer had come already. The cause is kept. */
export function classifyFetchFailure(error: unknown, isInBody: boolean): AppError {
  for (const cause of listCauses(error)) {
    if (cause instanceof AppError) return cause;
    const { code, name, message } = cause as { code?: unknown; name?: unknown; message?: unknown };
    const named = typeof code === 'string' && Object.hasOwn(CODES, code) ? CODES[code] : undefined;
    if (named !== undefined) return new AppError(named, { cause: error });
    // Not HTTP, or an answer (100, 101) to what nobody asked. undici gives these no code of their own.
    const isNonsense = name === 'HTTPParserError' || message === 'bad response' || message === 'bad upgrade';
    if (isNonsense) return new AppError('page_failed', { cause: error });
  }
  return new AppError(isInBody ? 'page_cut' : 'page_unreachable', { cause: error });
}

/**
 * The connection was there and ended without an answer: a kept one that the server has closed by now looks so, and the server may not have
 * seen the request.
 */
export function isLostConnection(error: unknown): boolean {
  return listCauses(error).some((cause) => {
    const { code, message } = cause as { code?: unknown; message?: unknown };
    if (code === 'UND_ERR_SOCKET') return message === 'other side closed' || message === 'closed';
    return code === 'ECONNRESET' || code === 'EPIPE';
  });
}

/** An error, its causes, and the errors an AggregateError (several addresses tried) holds. */
function listCauses(error: unknown): object[] {
  const found: object[] = [];
  const waiting: unknown[] = [error];
  while (waiting.length > 0 && found.length < 20) {
    const next = waiting.shift();
    if (typeof next !== 'object' || next === null) continue;
    found.push(next);
    const { cause, errors } = next as { cause?: unknown; errors?: unknown };
    waiting.push(cause, ...(Array.isArray(errors) ? errors : []));
  }
  return found;
}

/** The failure an answer stands for, or undefined when it is a page. Reads the body only of a 503. */
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

/** What Cloudflare and AWS WAF say beside their puzzles, whatever the status. */
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
    // What was not read is no failure here.
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
