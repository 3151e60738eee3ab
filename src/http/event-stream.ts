import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import type { TokenWatch } from '../workspaces/watch-tokens.ts';
import type { Caller } from './context.ts';
import { NO_STORE_STREAM } from './vary-by-caller.ts';

/**
 * Interval of comments that keep the connection open through proxies and let both ends detect a
 * lost connection.
 */
export const HEARTBEAT_MS = 15_000;
/** Clients that support `retry` reconnect after this time. */
const RETRY_MS = 1000;
/** setTimeout treats any longer time as 1 ms. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export const STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': NO_STORE_STREAM,
  // A stopping program would wait for a connection that stays open after its stream.
  connection: 'close',
  // Tells nginx not to buffer events.
  'x-accel-buffering': 'no',
};

/** An event in the format of the stream. `data` must be one line. */
export interface ServerSentEvent {
  readonly id: string;
  readonly name: string;
  readonly data: string;
}

/** Responds with server-sent events (WHATWG HTML, 9.2) until there are no more. */
export function sendEvents(reply: FastifyReply, events: AsyncGenerator<ServerSentEvent>): FastifyReply {
  return reply.headers(STREAM_HEADERS).send(Readable.from(write(events)));
}

async function* write(events: AsyncGenerator<ServerSentEvent>): AsyncGenerator<string> {
  try {
    yield `retry: ${RETRY_MS}\n\n`;
    for (let next = events.next(); ; ) {
      const heartbeat = new AbortController();
      const result = await Promise.race([next, pause(HEARTBEAT_MS, heartbeat.signal)]);
      heartbeat.abort();
      if (result === undefined) yield ': still here\n\n';
      else if (result.done) return;
      else {
        yield format(result.value);
        next = events.next();
      }
    }
  } finally {
    await events.return(undefined);
  }
}

function format({ id, name, data }: ServerSentEvent): string {
  return `id: ${id}\nevent: ${name}\ndata: ${data}\n\n`;
}

function pause(ms: number, signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms, undefined);
    signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
  });
}

/** Returns a signal that aborts when the response ends or its connection is lost. */
export function responseSignal(reply: FastifyReply): AbortSignal {
  const closed = new AbortController();
  // It may have ended before: the client may disconnect during authentication.
  if (reply.raw.closed || reply.raw.destroyed) closed.abort();
  else reply.raw.once('close', () => closed.abort());
  return closed.signal;
}

/**
 * Returns a signal that aborts with `ended`, when the caller's token expires, or when the token is
 * found to be deleted.
 */
export function callerSignal(tokenWatch: TokenWatch, caller: Caller, ended: AbortSignal): AbortSignal {
  return AbortSignal.any([ended, expirySignal(caller), tokenWatch.watch(caller.tokenId, ended)]);
}

function expirySignal({ expiresAt }: Caller): AbortSignal {
  if (expiresAt === undefined) return new AbortController().signal;
  const leftMs = Math.ceil(expiresAt - performance.now());
  return AbortSignal.timeout(Math.min(Math.max(leftMs, 0), MAX_TIMER_MS));
}
