import type { IncomingMessage, ServerResponse } from 'node:http';
import { finished } from 'node:stream/promises';

const DRAIN_WITHIN_MS = 5000;

/**
 * Before an answer to a request whose body was not read: if the connection will be closed after it, the rest of the
 * body is read and thrown away first. Closing while the client still sends would reset the connection, and the client
 * would not see the answer. A connection that stays open needs nothing: Node reads the rest after the answer.
 */
export async function drainRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.complete || request.destroyed || response.shouldKeepAlive) return;
  request.resume();
  try {
    await finished(request, { writable: false, signal: AbortSignal.timeout(DRAIN_WITHIN_MS) });
  } catch {
    // Too slow, or gone: it is answered all the same.
  }
}
