import { isUtf8 } from 'node:buffer';
import { Agent, request as undiciRequest } from 'undici';
import { AppError } from '../../lib/app-error.ts';
import type { Requester } from '../../lib/fair-limit.ts';
import { type AddressRules, findRefusal } from './address-rules.ts';
import { ACCEPT_ENCODING, decodeBody } from './decode-body.ts';
import { type Answer, classifyFetchFailure, findStatusFailure, isLostConnection } from './fetch-failure.ts';
import { createGuardedConnector, resolveFirst } from './guarded-connector.ts';
import { createHostResolver, type HostResolver, type LookupAll } from './host-resolver.ts';
import { createHostSlots } from './host-slots.ts';
import { makeReferer } from './make-referer.ts';

const MAX_ADDRESS_LENGTH = 2048;
const MAX_REDIRECTS = 5;
/** More than the six of a browser, but few enough that a shop does not see an attack. */
const REQUESTS_PER_HOST = 8;
const DEFAULT_IDLE_TIMEOUT_MS = 10_000;
/** Node's default of 16 KB is too small for the cookies and policies of some large shops. */
const MAX_HEADER_BYTES = 64 * 1024;
const REDIRECT_STATUSES: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

export interface GuardedFetchOptions extends AddressRules {
  /** For a whole request including redirects, without the wait for a slot of the host. */
  readonly timeoutMs: number;
  /** For connecting, for the headers, and between two pieces of the body. */
  readonly idleTimeoutMs?: number;
  readonly userAgent: string;
  /**
   * Pass the same resolver to everything that connects to untrusted names. If absent, a new one.
   */
  readonly resolver?: HostResolver | undefined;
  /** Replaces DNS in tests. */
  readonly lookupAll?: LookupAll | undefined;
  /** An HTTP proxy. See `createGuardedConnector`. */
  readonly proxy?: URL | undefined;
}

export interface FetchRequest extends Requester {
  readonly accept: string;
  /** The limit after decompression. */
  readonly maxBytes: number;
  /** The page that refers to the address. Only the part that browsers would send is sent. */
  readonly referer?: string;
}

export interface FetchedBytes {
  readonly finalUrl: string;
  readonly status: number;
  readonly contentType: string;
  readonly body: Buffer;
}

/**
 * Fetches a public http(s) address and returns only 2xx answers. Idempotent.
 *
 * @throws AppError for every failure; `signal.reason` when the signal aborts.
 */
export type FetchBytes = (url: string, request: FetchRequest) => Promise<FetchedBytes>;

export interface GuardedFetch {
  readonly fetchBytes: FetchBytes;
  /** Closes every connection. Requests that are still running fail. */
  close(): Promise<void>;
}

/**
 * Creates the fetch for pages and images, which must not be fetched in any other way. See
 * `FetchBytes` and `createGuardedConnector`.
 */
export function createGuardedFetch(options: GuardedFetchOptions): GuardedFetch {
  const { lookupAll, idleTimeoutMs = DEFAULT_IDLE_TIMEOUT_MS } = options;
  const resolver = options.resolver ?? createHostResolver({ lookupAll });
  const guard = { ...options, resolver };
  const agentOptions: Agent.Options = {
    connect: createGuardedConnector({ ...guard, timeoutMs: idleTimeoutMs }),
    headersTimeout: idleTimeoutMs,
    bodyTimeout: idleTimeoutMs,
    maxHeaderSize: MAX_HEADER_BYTES,
    allowH2: false,
  };
  const agent = new Agent(agentOptions);
  // Does not keep connections.
  const fresh = new Agent({ ...agentOptions, pipelining: 0 });
  const slots = createHostSlots(REQUESTS_PER_HOST);

  async function fetchBytes(url: string, request: FetchRequest): Promise<FetchedBytes> {
    let target = parseAddress(url);
    if (target === undefined) throw new AppError('address_refused');
    let leftMs = options.timeoutMs;
    for (let hop = 0; hop <= MAX_REDIRECTS; hop += 1) {
      const here: URL = target;
      const answer: FetchedBytes | URL = await slots.run(here.host, request, async () => {
        const startedAt = performance.now();
        try {
          return await fetchOnce(here, request, leftMs);
        } finally {
          leftMs -= performance.now() - startedAt;
        }
      });
      if (!(answer instanceof URL)) return answer;
      target = answer;
    }
    throw new AppError('bad_redirect');
  }

  /** Makes one request. Returns the answer, or the address of a redirect. */
  async function fetchOnce(
    target: URL,
    request: FetchRequest,
    timeoutMs: number,
  ): Promise<FetchedBytes | URL> {
    // The connector checks this too. The check here does not depend on how undici passes the host
    // to it.
    const refusal = findRefusal(target, options);
    if (refusal !== undefined) throw refusal;
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(new AppError('page_timeout')), Math.max(0, timeoutMs));
    let answer: Answer | undefined;
    try {
      const signal = AbortSignal.any([request.signal, deadline.signal]);
      await resolveFirst(target, { owner: request.owner, signal }, guard);
      answer = await send(target, request, signal);
      if (REDIRECT_STATUSES.has(answer.status)) return nextAddress(answer, target);
      const failure = await findStatusFailure(answer, Date.now());
      if (failure !== undefined) throw failure;
      return {
        finalUrl: target.href,
        status: answer.status,
        contentType: answer.headers.get('content-type') ?? '',
        body: await readBody(answer, request.maxBytes),
      };
    } catch (error) {
      request.signal.throwIfAborted();
      deadline.signal.throwIfAborted();
      throw classifyFetchFailure(error, answer !== undefined);
    } finally {
      clearTimeout(timer);
      // An unread body would keep its connection open. Destroying it emits an error, which can be
      // ignored.
      answer?.body.on('error', () => {}).destroy();
    }
  }

  /**
   * Does not use `fetch`, which decompresses the body itself and accepts a truncated compressed
   * stream even where nothing else would show that the body was cut.
   */
  async function send(target: URL, request: FetchRequest, signal: AbortSignal): Promise<Answer> {
    try {
      return await sendVia(agent, target, { request, signal });
    } catch (error) {
      if (signal.aborted || !isLostConnection(error)) throw error;
      // Servers may close a kept connection at any time, even just when it is used again (RFC 9110,
      // 9.2.2).
      return await sendVia(fresh, target, { request, signal });
    }
  }

  async function sendVia(
    dispatcher: Agent,
    target: URL,
    { request, signal }: { request: FetchRequest; signal: AbortSignal },
  ): Promise<Answer> {
    const { statusCode, headers, body } = await undiciRequest(target, {
      dispatcher,
      signal,
      headers: {
        accept: request.accept,
        'accept-encoding': ACCEPT_ENCODING,
        // Any language: shops then use their own, which their customers read.
        'accept-language': '*, en;q=0.5',
        'user-agent': options.userAgent,
        ...makeReferer(request.referer, target),
      },
    });
    return { status: statusCode, headers: toHeaders(headers), body };
  }

  return {
    fetchBytes,
    async close() {
      await Promise.all([agent.destroy(), fresh.destroy()]);
    },
  };
}

async function readBody({ headers, body }: Answer, maxBytes: number): Promise<Buffer> {
  const length = headers.get('content-length');
  if (Number(length) > maxBytes) throw new AppError('page_too_large');
  const chunks: Uint8Array[] = [];
  let size = 0;
  // Leaving the loop early destroys the body.
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
    if (size > maxBytes) throw new AppError('page_too_large');
    chunks.push(chunk);
  }
  return decodeBody(Buffer.concat(chunks, size), {
    contentEncoding: headers.get('content-encoding'),
    // undici reports an error for a body that is shorter than its length or lacks its last chunk.
    isWhole: length !== null || /chunked/i.test(headers.get('transfer-encoding') ?? ''),
    maxBytes,
  });
}

function toHeaders(headers: Readonly<Record<string, string | string[] | undefined>>): Headers {
  const pairs = Object.entries(headers).flatMap(([name, value]) =>
    [value ?? []].flat().map((one): [string, string] => [name, one]),
  );
  return new Headers(pairs);
}

/** Allows only http(s) addresses of limited length without a user name or password. */
function parseAddress(url: string, base?: string): URL | undefined {
  if (url.length > MAX_ADDRESS_LENGTH) return undefined;
  const parsed = URL.parse(url, base);
  if (parsed === null || parsed.href.length > MAX_ADDRESS_LENGTH) return undefined;
  const isWeb = parsed.protocol === 'http:' || parsed.protocol === 'https:';
  return isWeb && parsed.username === '' && parsed.password === '' ? parsed : undefined;
}

function nextAddress({ headers }: Answer, from: URL): URL {
  // Node.js decodes header bytes as Latin-1, but many servers send UTF-8 here, and browsers read it
  // so.
  const bytes = Buffer.from(headers.get('location') ?? '', 'latin1');
  const location = bytes.toString(isUtf8(bytes) ? 'utf8' : 'latin1');
  const next = location === '' ? undefined : parseAddress(location, from.href);
  if (next === undefined) throw new AppError('bad_redirect');
  return next;
}
