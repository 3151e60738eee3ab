import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Log } from '../lib/log.ts';
import type { CountQueuedBytes } from './limit-pipelining.ts';

/** A client must read a part of its waiting answer within this time. */
export const STALLED_MS = 30_000;
/**
 * The limit on the bytes of answers that wait for clients. Above it, connections whose client has
 * read nothing since the last check are closed at once.
 */
const MAX_WAITING_BYTES = 128 * 1024 * 1024;
const CHECK_MS = 1000;

export interface StallOptions {
  readonly stalledMs?: number | undefined;
  readonly maxWaitingBytes?: number | undefined;
  /**
   * Counts the bytes of answers that wait behind an earlier one of their connection; 0 if absent.
   */
  readonly countQueuedBytes?: CountQueuedBytes | undefined;
}

/** How much of its answers a client has read, and since when it has read nothing more. */
interface Progress {
  readonly written: number;
  readonly queued: number;
  readonly since: number;
}

/**
 * Closes connections whose client reads nothing of an answer for `stalledMs`, because the answer
 * stays in memory until it is read. The server's own `timeout` cannot do this: received bytes reset
 * it, so a client that sends a byte now and then keeps its connection; and it closes requests that
 * still wait for us. Here time counts only while the operating system accepts no more bytes.
 */
export function endStalledResponses(server: Server, log: Log, options: StallOptions = {}): void {
  const { stalledMs = STALLED_MS, maxWaitingBytes = MAX_WAITING_BYTES, countQueuedBytes = () => 0 } = options;
  const sockets = new Set<Socket>();
  const stalls = new WeakMap<Socket, Progress>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });

  function checkSockets(): void {
    const now = performance.now();
    let waitingBytes = 0;
    const idle: { socket: Socket; bytes: number }[] = [];
    for (const socket of sockets) {
      const bytes = socket.writableLength + countQueuedBytes(socket);
      if (bytes === 0) {
        stalls.delete(socket);
        continue;
      }
      waitingBytes += bytes;
      const before = stalls.get(socket);
      const written = socket.bytesWritten - socket.writableLength;
      const queued = countUnsent(socket);
      const hasMoved = !before || before.written !== written || before.queued !== queued;
      // If only answers behind an unfinished one wait, the client waits for us and is not stalled.
      if (hasMoved || socket.writableLength === 0) stalls.set(socket, { written, queued, since: now });
      if (hasMoved) continue;
      if (socket.writableLength > 0 && now - before.since >= stalledMs) {
        waitingBytes -= end(socket, bytes);
      } else {
        idle.push({ socket, bytes });
      }
    }
    if (waitingBytes <= maxWaitingBytes) return;
    idle.sort((a, b) => b.bytes - a.bytes);
    for (const { socket, bytes } of idle) {
      if (waitingBytes <= maxWaitingBytes) break;
      waitingBytes -= end(socket, bytes);
    }
  }

  function end(socket: Socket, bytes: number): number {
    log.debug({ bytes }, 'connection closed: the client stopped reading its response');
    sockets.delete(socket);
    socket.destroy();
    return bytes;
  }

  const timer = setInterval(checkSockets, Math.min(CHECK_MS, stalledMs / 5)).unref();
  server.once('close', () => clearInterval(timer));
}

/**
 * Returns the bytes of the current write that the operating system has not accepted yet. One write
 * can be a whole answer, of which a slow client reads only a part in 30 s. Node.js has no public
 * name for this value; without it, only complete writes would count.
 */
function countUnsent(socket: Socket): number {
  const { _handle: handle } = socket as { _handle?: { writeQueueSize?: number } | null };
  return handle?.writeQueueSize ?? 0;
}
