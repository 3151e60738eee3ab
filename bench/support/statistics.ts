/** Returns the percentile by the nearest-rank method; NaN if there are no values. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

/** Returns the middle value, or the mean of the two middle values. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  return ((sorted[Math.ceil(half) - 1] ?? Number.NaN) + (sorted[Math.floor(half)] ?? Number.NaN)) / 2;
}

/** Returns the medians of both values of all rounds, and the median of their ratios. */
export function compareRounds(rounds: readonly { readonly value: number; readonly yardstick: number }[]) {
  return {
    value: median(rounds.map((round) => round.value)),
    yardstick: median(rounds.map((round) => round.yardstick)),
    ratio: median(rounds.map((round) => round.value / round.yardstick)),
  };
}

/** Returns the longest time between two consecutive timestamps. */
export function longestGap(times: readonly number[]): number {
  const sorted = times.toSorted((a, b) => a - b);
  return Math.max(0, ...sorted.slice(1).map((time, i) => time - (sorted[i] ?? time)));
}
