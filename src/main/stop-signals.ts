import { isatty } from 'node:tty';

/** Ctrl-C in a terminal arrives twice if npm is in between: from the terminal and from npm. */
const SAME_SIGNAL_MS = 1000;
const STANDARD_STREAMS = [0, 1, 2];

/**
 * Resolves at the first SIGINT or SIGTERM, and in a terminal at the first SIGHUP. A second signal
 * after more than `SAME_SIGNAL_MS` ends the program at once, for a person who does not want to
 * wait. The next start takes over unfinished work.
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
    // A closing terminal sends SIGHUP to all programs that were started in it. nohup makes them
    // ignore it, but Node.js undoes that at its start, in npm too. What remains of nohup is that no
    // standard stream is the terminal. Then an empty listener keeps the signal from ending the
    // program.
    process.on('SIGHUP', STANDARD_STREAMS.some((fd) => isatty(fd)) ? onSignal : () => {});
  });
}
