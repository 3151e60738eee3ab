/** Ctrl-C in a terminal reaches us twice when npm is in between: once from the terminal, once passed on by npm. */
const SAME_SIGNAL_MS = 1000;

/**
 * Resolves at the first SIGINT, SIGTERM or SIGHUP. A second one later than that ends the program at once, for those
 * who will not wait; the next start takes over what is left.
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
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  });
}
