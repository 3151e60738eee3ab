/** What the command line can change. */
export interface BenchOptions {
  /** Rounds of subject and yardstick by turns. */
  readonly rounds: number;
  /** Seconds of load for each side of a round. */
  readonly seconds: number;
  /** Previews of the filled database. */
  readonly previews: number;
}

/** The connections that the doors are asked on. */
export const CONNECTIONS = [1, 8, 32] as const;
