import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Log } from '../lib/log.ts';
import type { CountQueuedBytes } from './limit-pipelining.ts';

/** How long a client may take nothing of an answer that waits for it. */
export const STALLED_MS = 30_000;
/**
 * Bytes of answers that may wait for clients. Above it, those who took nothing since the last look
 * are ended at once.
 */
const MAX_WAITING_BYTES = 128 * 1024 * 1024;
const LOOK_MS = 1000;

export interface StallOptions {
  readonly stalledMs?: number | undefined;
  readonly maxWaitingBytes?: number | undefined;
  /** Counts answers that wait behind an earlier one of their connection; none if absent. */
  readonly countQueuedBytes?: CountQueuedBytes | undefined;
}

/** How much of its answers a client has taken, and since when it has not taken more. */
interface Progress {
  readonly written: number;
  readonly queued: number;
  readonly since: number;
}

/**
 * Ends connections whose client takes nothing of an answer for `stalledMs`: until it is taken the
 * answer is held in memory. A server's own `timeout` does not do: it counts what is received too,
 * so a client that sends a byte now and then is never ended, and it ends requests that wait for us.
 * Here a connection counts only while the operating system takes no more bytes for it.
 */
export function endStalledAnswers(server: Server, log: Log, options: StallOptions = {}): void {
  const { stalledMs = STALLED_MS, maxWaitingBytes = MAX_WAITING_BYTES, countQueuedBytes = () => 0 } = options;
  const sockets = new Set<Socket>();
  const stalls = new WeakMap<Socket, Progress>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });

  function look(): void {
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
      const queued = countUntaken(socket);
      const hasMoved = !before || before.written !== written || before.queued !== queued;
      // If only later answers wait, the client waits for us: it is not late.
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
    log.debug({ bytes }, 'a client took nothing of its answer; its connection was ended');
    sockets.delete(socket);
    socket.destroy();
    return bytes;
  }

  const timer = setInterval(look, Math.min(LOOK_MS, stalledMs / 5)).unref();
  server.once('close', () => clearInterval(timer));
}

/**
 * Bytes of the write under way that the operating system has not taken yet. One write can be a
 * whole answer, of which a slow client takes a part in 30 s. Node.js has no public name for it;
 * without it such a client is measured by whole writes.
 */
function countUntaken(socket: Socket): number {
  const { _handle: handle } = socket as { _handle?: { writeQueueSize?: number } | null };
  return handle?.writeQueueSize ?? 0;
}
