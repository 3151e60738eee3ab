/**
 * A completed HTTP request. Its labels have few values: the template of a route, never an address.
 */
export interface MeteredRequest {
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly seconds: number;
}

/** A claimed piece of work that has ended. */
export interface MeteredJob {
  /** The name of the job. */
  readonly job: string;
  /**
   * An outcome of `queue/outcome`, or `lost`: the result could not be stored, or the program
   * stopped.
   */
  readonly outcome: string;
  readonly seconds: number;
}

/** A call of the AI service, from opening the connection to the end of the response. */
export interface MeteredCall {
  readonly kind: string;
  /** The status in the ledger: `answered`, `refused`, `failed` or `unknown`. */
  readonly outcome: string;
  /** The error code; null for an answer. */
  readonly code: string | null;
  readonly seconds: number;
  /** Token count of the provider; null if it does not report one. */
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
}

/** Counts events for metrics. Implementations must be cheap and must never throw. */
export interface Meter {
  countRequest(request: MeteredRequest): void;
  countJob(job: MeteredJob): void;
  countCall(call: MeteredCall): void;
}

/** A meter that counts nothing. */
export const noMeter: Meter = { countRequest() {}, countJob() {}, countCall() {} };
