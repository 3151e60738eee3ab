import type { Response } from 'undici';
import { AppError, type ErrorCode } from '../../lib/app-error.ts';

/** How much of an error page is looked at for signs of a challenge. */
const PEEK_BYTES = 64 * 1024;

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
  Z_DATA_ERROR: 'page_failed',
};

/** Names a failure of the network. `isInBody`: the head of the answer had come already. The cause is kept. */
export function nameFetchFailure(error: unknown, isInBody: boolean): AppError {
  for (const cause of listCauses(error)) {
    if (cause instanceof AppError) return cause;
    const { code, message } = cause as { code?: unknown; message?: unknown };
    const named = typeof code === 'string' && Object.hasOwn(CODES, code) ? CODES[code] : undefined;
    if (named !== undefined) return new AppError(named, { cause: error });
    if (typeof code === 'string' && code.startsWith('HPE_')) {
      return new AppError('page_failed', { cause: error });
    }
    // undici, as browsers do, opens no connection to ports of mail, SSH and the like.
    if (message === 'bad port') return new AppError('address_refused', { cause: error });
  }
  return new AppError(isInBody ? 'page_cut' : 'page_unreachable', { cause: error });
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
export async function findStatusFailure(response: Response): Promise<ErrorCode | undefined> {
  if (isChallenge(response)) return 'page_blocked';
  if (response.ok) return undefined;
  switch (response.status) {
    case 404:
    case 410:
      return 'page_gone';
    case 401:
    case 403:
    case 429:
    case 451:
      return 'page_blocked';
    case 503:
      return CHALLENGE_WORDS.test(await peek(response)) ? 'page_blocked' : 'page_failed';
    default:
      return 'page_failed';
  }
}

/** What Cloudflare and AWS WAF say beside their puzzles, whatever the status. */
function isChallenge(response: Response): boolean {
  return response.headers.get('cf-mitigated') === 'challenge' || response.headers.has('x-amzn-waf-action');
}

async function peek(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk);
    size += chunk.byteLength;
    if (size >= PEEK_BYTES) break;
  }
  return Buffer.concat(chunks).toString('latin1');
}
