/** The options of the command line. */
export interface BenchOptions {
  /** Number of rounds; each measures the program and its baseline. */
  readonly rounds: number;
  /** Seconds of load for each target in a round. */
  readonly seconds: number;
  /** Number of previews in the filled database. */
  readonly previews: number;
}

/** The numbers of connections with which the APIs are measured. */
export const CONNECTIONS = [1, 8, 32] as const;
