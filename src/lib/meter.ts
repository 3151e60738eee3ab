/** A request that was answered. Its labels have few values: a route's template, never an address. */
export interface MeteredRequest {
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly seconds: number;
}

/** A claimed piece of work that came to its end. */
export interface MeteredJob {
  readonly step: string;
  /** One of `queue/outcome`, or `lost`: what came of it could not be written down, or the program stopped. */
  readonly outcome: string;
  readonly seconds: number;
}

/** A call of the AI service, from the request for a connection to the whole answer. */
export interface MeteredCall {
  readonly kind: string;
  /** As it stands on the ledger: `answered`, `refused`, `failed` or `unknown`. */
  readonly outcome: string;
  /** Of the failure; null for an answer. */
  readonly code: string | null;
  readonly seconds: number;
  /** As the provider counts them; null where it does not say. */
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
}

/** Who counts what happens. Must cost next to nothing, and never throw. */
export interface Meter {
  countRequest(request: MeteredRequest): void;
  countJob(job: MeteredJob): void;
  countCall(call: MeteredCall): void;
}

/** Nobody wants to know. */
export const noMeter: Meter = { countRequest() {}, countJob() {}, countCall() {} };
