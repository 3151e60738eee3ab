import { isatty } from 'node:tty';

/** Ctrl-C in a terminal reaches us twice when npm is in between: once from the terminal, once passed on by npm. */
const SAME_SIGNAL_MS = 1000;
const STANDARD_STREAMS = [0, 1, 2];

/**
 * Resolves at the first SIGINT or SIGTERM, and in a terminal at the first SIGHUP. A second one later than that ends the program
 * at once, for those who will not wait; the next start takes over what is left.
 */
export function waitForStopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let first = 0;
    const onSignal = (signal: NodeJS.Signals) => {
      if (first === 0) {
        first = performance.now();
        resolve(signal);
      } else if (performance.now() - first > SAME_SIGNAL_MS) process.exit(130);
    };
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, onSignal);
    // A terminal that closes sends SIGHUP to all that was started in it. nohup has it ignored, but Node.js, and so npm, undoes that
    // at its start; what nohup leaves to be seen is that no standard stream is the terminal. A program must then have a
    // listener, as the signal would end it.
    process.on('SIGHUP', STANDARD_STREAMS.some((fd) => isatty(fd)) ? onSignal : () => {});
  });
}
