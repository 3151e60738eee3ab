import { isMainThread } from 'node:worker_threads';

/*
 * For `--import`: a program that starts with it stops, as at SIGTERM, when its stdin ends. That is a pipe to whoever started
 * it, so it ends when that process does, even by SIGKILL.
 */

if (isMainThread) {
  process.stdin.once('end', () => process.kill(process.pid, 'SIGTERM')).resume();
  // Waiting for the end is no reason to stay.
  process.stdin.unref();
}
