import type { IncomingMessage, ServerResponse } from 'node:http';
import { finished } from 'node:stream/promises';

const DRAIN_WITHIN_MS = 5000;

/**
 * Reads and drops the rest of an unread request body before a response after which the connection
 * will be closed. Closing while the client still sends would reset the connection, and the client
 * would not see the response. A connection that stays open needs no drain: Node.js reads the rest
 * after the response.
 */
export async function drainRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.complete || request.destroyed || response.shouldKeepAlive) return;
  request.resume();
  try {
    await finished(request, { writable: false, signal: AbortSignal.timeout(DRAIN_WITHIN_MS) });
  } catch {
    // The client is too slow or gone. The response is sent anyway.
  }
}
