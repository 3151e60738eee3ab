/** The goal for a figure. */
export interface Aim {
  readonly of: 'ratio' | 'value';
  readonly is: 'least' | 'most';
  readonly bound: number;
}

/** A measured value and its baseline from the same run. */
export interface Comparison {
  /** Median of all rounds. */
  readonly value: number;
  /** The baseline: median of all rounds. Absent if there is none. */
  readonly yardstick?: number;
  /**
   * Median of the ratios of each round: other load on the machine affects both values of a round.
   */
  readonly ratio?: number;
}

/** One measured figure. */
export interface Figure extends Comparison {
  readonly what: string;
  readonly unit: string;
  /** Latency in milliseconds, for a figure in responses per second. */
  readonly p50?: Comparison;
  readonly p99?: Comparison;
  readonly aim?: Aim;
}

/** The results of one measurement. */
export interface Report {
  /** What is compared with what, in a sentence. */
  readonly title: string;
  readonly figures: readonly Figure[];
  /** Details for the JSON file, such as the most expensive statements. */
  readonly details?: unknown;
}

/** Returns whether a figure reaches its goal; undefined if it has none. */
export function reachesAim({ value, ratio, aim }: Figure): boolean | undefined {
  if (aim === undefined) return undefined;
  const measured = aim.of === 'ratio' ? ratio : value;
  if (measured === undefined) return undefined;
  return aim.is === 'least' ? measured >= aim.bound : measured <= aim.bound;
}
