/**
 * How long this thread works at something, in milliseconds of the processor. For tests that look for quadratic time: on a busy
 * machine the clock would tell how long the thread waited for a processor.
 */
export function measureCpuMs(work: () => void): number {
  const before = process.threadCpuUsage();
  work();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1000;
}
