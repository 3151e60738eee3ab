/**
 * Returns the result of the work, or throws the reason of the signal if the signal aborts first or
 * has aborted before. The work then continues, and its result or error is dropped.
 */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    // The signal comes first: if it has aborted before, a settled work does not matter. The race
    // also handles an error of the work that comes after the abort.
    return await Promise.race([aborted.promise, work]);
  } finally {
    // Without this a long-lived signal would keep every call.
    signal.removeEventListener('abort', onAbort);
  }
}
