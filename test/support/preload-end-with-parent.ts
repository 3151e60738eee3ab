import { isMainThread } from 'node:worker_threads';

/*
 * For `--import`. The program stops, as for SIGTERM, when its stdin ends. Its stdin is a pipe from
 * its parent, so it ends when the parent does, even if that is killed with SIGKILL.
 */

if (isMainThread) {
  process.stdin.once('end', () => process.kill(process.pid, 'SIGTERM')).resume();
  // Waiting for the end of stdin must not keep the program running.
  process.stdin.unref();
}
