import autocannon, { type Options, type Result } from 'autocannon';
import { percentile } from './statistics.ts';

/** A kind of request. */
export interface Target {
  readonly url: string;
  readonly method?: 'GET' | 'POST' | 'PATCH';
  readonly headers?: Readonly<Record<string, string>>;
  /** Returns the body of the request with this number. */
  readonly body?: (n: number) => unknown;
  /** Returns the path of the request with this number, instead of the path of `url`. */
  readonly path?: (n: number) => string;
}

/** The results of a load. */
export interface Load {
  readonly perSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

/**
 * Sends requests on `connections` connections at once, for some seconds or until an `amount` of
 * responses. Measures each response itself, because autocannon's own histogram has only whole
 * milliseconds. Throws if any response is not a 2xx.
 */
export async function applyLoad(
  target: Target,
  { connections, ...length }: { connections: number } & ({ seconds: number } | { amount: number }),
): Promise<Load> {
  const { url, method = 'GET', headers = {}, body, path } = target;
  let n = 0;
  const { promise, resolve, reject } = Promise.withResolvers<Result>();
  const options: Options = {
    url,
    connections,
    ...('amount' in length ? { amount: length.amount } : { duration: length.seconds }),
    sampleInt: 250,
    requests: [
      {
        method,
        headers: { ...headers, ...(body ? { 'content-type': 'application/json' } : {}) },
        setupRequest(request) {
          n += 1;
          return {
            ...request,
            ...(path ? { path: path(n) } : {}),
            ...(body ? { body: JSON.stringify(body(n)) } : {}),
          };
        },
      },
    ],
  };
  const latencies: number[] = [];
  const began = performance.now();
  let last = began;
  const run = autocannon(options, (error: unknown, result) => (error ? reject(error) : resolve(result)));
  run.on('response', (_client, _status, _bytes, ms) => {
    latencies.push(ms);
    last = performance.now();
  });
  const result = await promise;
  if (result.non2xx + result.errors + result.timeouts > 0) {
    throw new Error(`${method} ${url}: ${result.non2xx} answers are no success, ${result.errors} errors`);
  }
  return {
    perSecond: (latencies.length * 1000) / (last - began),
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
  };
}
