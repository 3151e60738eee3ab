import http from 'node:http';
import https from 'node:https';
import { isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { AppError } from '../../lib/app-error.ts';
import { openTunnel, requestProxy } from '../net/open-tunnel.ts';
import { chooseProxy, type Proxies } from '../net/proxy.ts';
import type { CallContext } from './ai-provider.ts';
import { decodeAnswer } from './decode-answer.ts';

/** Maximum size of an answer. A large PNG in base64 is about 10 MB. */
const MAX_ANSWER_BYTES = 50 * 1024 * 1024;
/** setTimeout turns anything above this into 1 ms. */
const MAX_TIMER_MS = 2 ** 31 - 1;

type Terms = Omit<CallContext, 'idempotencyKey' | 'owner'>;

export interface SendOnceOptions {
  readonly proxies?: Proxies | undefined;
  readonly onConnected?: (() => void) | undefined;
}

/** A `fetch` for the `openai` client. `Response` avoids a trial request before the first upload. */
export type SendOnce = ((input: string | URL | Request, init?: RequestInit) => Promise<Response>) & {
  Response: typeof Response;
};

/**
 * Makes a `fetch` that sends one request over one new connection, so that its times are exact:
 * nothing is written unless the connection is open before `sendBefore`, and `onLeft` is called with
 * the last byte. Does not keep the connection alive, retry, follow redirects or request
 * compression. Reads the whole answer before it returns.
 *
 * If there is a proxy for the address, https uses a tunnel, and http uses a request in absolute
 * form (RFC 9112, section 3.2.2). The time for opening the tunnel counts as time for opening the
 * connection.
 *
 * `onConnected` is called when the connection is open, before the clock is checked again.
 *
 * Throws `slot_expired` (nothing was sent), `ai_unreachable` (nothing was sent),
 * `ai_connection_lost`, `ai_timeout`, `ai_bad_answer` (too large, compressed or not; or broken
 * compression), or the reason of an aborted signal.
 */
export function createSendOnce(call: Terms, options: SendOnceOptions = {}): SendOnce {
  async function send(input: string | URL | Request, init: RequestInit = {}): Promise<Response> {
    const url = new URL(input instanceof Request ? input.url : input);
    const headers = new Headers(init.headers);
    const body = await readBody(init.body, headers);
    headers.set('accept-encoding', 'identity');
    const signal = init.signal ? AbortSignal.any([call.signal, init.signal]) : call.signal;
    return exchange({ url, method: init.method ?? 'GET', headers, body, call, signal, ...options });
  }
  return Object.assign(send, { Response });
}

/** Encodes the body before connecting: encoding an image must not use up the time of the slot. */
async function readBody(body: RequestInit['body'], headers: Headers): Promise<Buffer | null> {
  if (body === null || body === undefined) return null;
  // `Response` encodes every type of fetch body, and sets the boundary of a form.
  const encoded = new Response(body);
  const bytes = Buffer.from(await encoded.arrayBuffer());
  const contentType = encoded.headers.get('content-type');
  if (contentType !== null && !headers.has('content-type')) headers.set('content-type', contentType);
  headers.set('content-length', String(bytes.length));
  return bytes;
}

interface Exchange extends SendOnceOptions {
  readonly url: URL;
  readonly method: string;
  readonly headers: Headers;
  readonly body: Buffer | null;
  readonly call: Terms;
  readonly signal: AbortSignal;
}

/**
 * Creates the request. Nothing is written before its `end`. `connecting` aborts opening a tunnel.
 */
function openRequest(
  { url, method, headers }: Exchange,
  proxy: URL | undefined,
  connecting: AbortSignal,
): http.ClientRequest {
  const options = { method, headers: Object.fromEntries(headers) };
  const isSecure = url.protocol === 'https:';
  if (proxy === undefined) return (isSecure ? https : http).request(url, { ...options, agent: false });
  if (!isSecure) {
    const path = `${url.origin}${url.pathname}${url.search}`;
    return requestProxy(proxy, { ...options, path, headers: { ...options.headers, host: url.host } });
  }
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const target = { hostname: host, port: Number(url.port || 443) };
  return https.request(url, {
    ...options,
    // `createConnection` replaces the agent, so that no other request shares the connection.
    // Without the agent, the default port must be set here.
    defaultPort: 443,
    createConnection(_, onSocket) {
      openTunnel(proxy, target, { signal: connecting }).then(
        (socket) => {
          const name = isIP(host) === 0 ? { servername: host } : {};
          onSocket(null, connectTls({ socket, host, ...name, ALPNProtocols: ['http/1.1'] }));
        },
        // The type requires a socket here too, but Node.js checks the error first.
        (error: Error) => onSocket(error, undefined as unknown as Socket),
      );
      return undefined;
    },
  });
}

function exchange(terms: Exchange): Promise<Response> {
  const { url, body, call, signal, onConnected, proxies = {} } = terms;
  signal.throwIfAborted();
  // Do not even connect: the provider must not see any attempt after the slot has expired.
  if (performance.now() >= call.sendBefore) throw new AppError('slot_expired');

  const { promise, resolve, reject } = Promise.withResolvers<Response>();
  const proxy = chooseProxy(url, proxies);
  const connecting = new AbortController();
  const request = openRequest(terms, proxy, connecting.signal);
  const isSecure = url.protocol === 'https:' || proxy?.protocol === 'https:';
  const asksProxy = proxy !== undefined && url.protocol === 'http:';
  let sent = false;
  let left = false;
  let settled = false;

  function recordDeparture(): void {
    if (left || !sent) return;
    left = true;
    call.onLeft();
  }
  function settle(finish: () => void): void {
    if (settled) return;
    settled = true;
    clearTimeout(connectTimer);
    clearTimeout(exchangeTimer);
    signal.removeEventListener('abort', onAbort);
    request.destroy();
    connecting.abort();
    // A server may answer or disconnect before it has read everything. Nothing more is written
    // then.
    recordDeparture();
    finish();
  }
  const fail = (error: unknown): void => settle(() => reject(error));
  const onAbort = (): void => fail(signal.reason);
  const lost = (cause: unknown): void =>
    fail(new AppError(sent ? 'ai_connection_lost' : 'ai_unreachable', { cause }));

  const connectTimer = startTimer(call.sendBefore - performance.now(), () => {
    if (!sent) fail(new AppError('slot_expired'));
  });
  const exchangeTimer = startTimer(call.timeoutMs, () =>
    fail(new AppError(sent ? 'ai_timeout' : 'ai_unreachable')),
  );
  signal.addEventListener('abort', onAbort, { once: true });

  request.once('socket', (socket: Socket) => {
    socket.once(isSecure ? 'secureConnect' : 'connect', () => {
      if (settled) return;
      onConnected?.();
      // The timer above fires late if the event loop was blocked, so check the clock again.
      if (performance.now() >= call.sendBefore) return fail(new AppError('slot_expired'));
      clearTimeout(connectTimer);
      // Nothing was sent before this line: Node.js holds the headers back until the body or `end`.
      sent = true;
      request.end(body ?? undefined);
    });
  });
  request.once('finish', recordDeparture);
  request.on('error', lost);
  // Once an answer has begun, only its own end or error counts: the socket may close earlier.
  const onClose = (): void => lost(undefined);
  request.once('close', onClose);
  request.once('response', (response) => {
    request.off('close', onClose);
    // Without a proxy, and inside a tunnel, the service itself sent it.
    if (response.statusCode === 407 && asksProxy) return fail(refusedByProxy());
    readAnswer(response).then(
      (answer) => settle(() => resolve(answer)),
      (error: unknown) => {
        if (error instanceof AppError) fail(error);
        else lost(error);
      },
    );
  });
  return promise;
}

function refusedByProxy(): AppError {
  return new AppError('ai_unreachable', { cause: new Error('the proxy returned 407') });
}

/** A truncated answer ends this loop with an error (ECONNRESET). It is never taken as complete. */
async function readAnswer(response: http.IncomingMessage): Promise<Response> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_ANSWER_BYTES)
      throw new AppError('ai_bad_answer', { cause: new Error('response too large') });
    chunks.push(chunk);
  }
  const headers = new Headers();
  for (const [name, values] of Object.entries(response.headersDistinct)) {
    for (const value of values ?? []) headers.append(name, value);
  }
  const status = response.statusCode ?? 0;
  let body: Buffer<ArrayBuffer> = Buffer.concat(chunks, length);
  const encoding = headers.get('content-encoding');
  if (encoding !== null && length > 0) {
    const decoded = await decodeAnswer(body, encoding, MAX_ANSWER_BYTES);
    if (decoded) {
      body = decoded;
      headers.delete('content-encoding');
      headers.delete('content-length');
    }
  }
  // `Response` refuses a body with these statuses, and refuses a status outside 200 to 599.
  const bodyless = status === 204 || status === 205 || status === 304;
  try {
    return new Response(bodyless ? null : body, { status, headers });
  } catch (cause) {
    throw new AppError('ai_bad_answer', { cause });
  }
}

function startTimer(ms: number, run: () => void): NodeJS.Timeout {
  return setTimeout(run, Math.min(Math.max(ms, 0), MAX_TIMER_MS));
}
