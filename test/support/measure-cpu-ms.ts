/**
 * Returns the CPU time of this thread for some work, in milliseconds. For tests that detect
 * quadratic time: on a busy machine, wall-clock time would include waiting for a processor.
 */
export function measureCpuMs(work: () => void): number {
  const before = process.threadCpuUsage();
  work();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1000;
}
