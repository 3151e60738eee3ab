/** What a figure has to reach. */
export interface Aim {
  readonly of: 'ratio' | 'value';
  readonly is: 'least' | 'most';
  readonly bound: number;
}

/** A measured value, and the same of its yardstick in the same run. */
export interface Comparison {
  /** Median over the rounds. */
  readonly value: number;
  /** Median over the rounds; absent if there is nothing to compare with. */
  readonly yardstick?: number;
  /** Median of the ratios of the rounds: what the machine did meanwhile hits both sides of a round. */
  readonly ratio?: number;
}

/** One measured figure. */
export interface Figure extends Comparison {
  readonly what: string;
  readonly unit: string;
  /** Milliseconds until an answer, of a figure that is a number of answers a second. */
  readonly p50?: Comparison;
  readonly p99?: Comparison;
  readonly aim?: Aim;
}

/** What one measurement found. */
export interface Report {
  /** What is measured beside what, in a sentence. */
  readonly title: string;
  readonly figures: readonly Figure[];
  /** More than fits in a figure, such as the statements that cost most. For the JSON. */
  readonly details?: unknown;
}

/** Whether a figure reaches its aim; undefined if it has none. */
export function reachesAim({ value, ratio, aim }: Figure): boolean | undefined {
  if (aim === undefined) return undefined;
  const measured = aim.of === 'ratio' ? ratio : value;
  if (measured === undefined) return undefined;
  return aim.is === 'least' ? measured >= aim.bound : measured <= aim.bound;
}
