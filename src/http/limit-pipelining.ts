import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Log } from '../lib/log.ts';

/** Requests of one connection that may wait for their answers at the same time. */
export const MAX_UNANSWERED = 10;

/** Returns how many bytes of a connection's answers wait until an earlier answer was sent. */
export type CountQueuedBytes = (socket: Socket) => number;

/**
 * Closes a connection that sends more requests while `MAX_UNANSWERED` wait for their answers
 * (allowed by RFC 9112, 9.3.2): the client sends them again. Pausing the connection would not help,
 * because Node.js emits every request of a 64 KB chunk at once. The caller must call it after the
 * server has its request listeners: they do not get the requests above the limit. Returns a
 * function that counts the bytes that wait on a connection.
 */
export function limitPipelining(server: Server, log: Log): CountQueuedBytes {
  const unanswered = new WeakMap<Socket, Set<ServerResponse>>();
  const listeners = server.listeners('request');
  server.removeAllListeners('request');
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request;
    // The parser continues with the bytes that it has received even if the connection was closed.
    if (socket.destroyed) return;
    const responses = unanswered.get(socket) ?? new Set();
    if (responses.size >= MAX_UNANSWERED) {
      log.debug({}, 'connection closed: the client sent too many requests without waiting for responses');
      socket.destroy();
      return;
    }
    unanswered.set(socket, responses.add(response));
    response.once('close', () => responses.delete(response));
    for (const listener of listeners) listener.call(server, request, response);
  });

  return (socket) => {
    let bytes = 0;
    for (const response of unanswered.get(socket) ?? []) {
      // The response that is being sent has the socket, and its bytes are in the socket's own
      // buffer.
      if (!response.socket) bytes += response.writableLength;
    }
    return bytes;
  };
}
