import {
  createTRPCClient,
  type HTTPBatchLinkOptions,
  httpBatchLink,
  httpSubscriptionLink,
  splitLink,
  type TRPCClient,
} from '@trpc/client';
import type { inferRouterInputs, inferRouterOutputs } from '@trpc/server';
import { EventSource } from 'eventsource';
import superjson, { type SuperJSONResult } from 'superjson';
import type { AppRouter } from '../http/procedures.ts';
import type { ErrorCode } from '../lib/app-error.ts';

/** The error of a failed call. `data.code` is an `ErrorCode`. */
export { TRPCClientError } from '@trpc/client';
export type { AppRouter, ErrorCode };
/** The input of each procedure. */
export type Inputs = inferRouterInputs<AppRouter>;
/** The output of each procedure. */
export type Outputs = inferRouterOutputs<AppRouter>;
export type Batch = Outputs['batch']['get'];
export type Preview = Outputs['previews']['get'];
export type CtaBatchClient = TRPCClient<AppRouter>;

export interface ClientOptions {
  /** The origin of the service, such as `https://cta.example.com`. */
  readonly url: string;
  /** A workspace's token, or a function that returns one. */
  readonly token: string | (() => string | Promise<string>);
  /** A replacement for `fetch`, for tests or old runtimes. */
  readonly fetch?: NonNullable<HTTPBatchLinkOptions<AppRouter['_def']['_config']['$types']>['fetch']>;
}

/**
 * Inputs are sent as plain JSON, because they contain no dates, sets or maps. Outputs contain
 * dates.
 */
const transformer = {
  serialize: (input: unknown) => ({ json: input }),
  deserialize: (answer: SuperJSONResult) => superjson.deserialize(answer),
};

/** The service accepts no more mutations in one request. */
const MAX_MUTATIONS = 10;
const MAX_QUERIES = 100;

/**
 * Creates a typed client. Calls made at the same time are sent as one request; dates arrive as
 * `Date`. `batch.watch` is a subscription and reconnects by itself.
 */
export function createCtaBatchClient({ url, token, fetch }: ClientOptions): CtaBatchClient {
  const endpoint = `${url.replace(/\/+$/, '')}/trpc`;
  const headers = async () => ({
    authorization: `Bearer ${typeof token === 'function' ? await token() : token}`,
  });
  const live = (fetch ?? globalThis.fetch) as typeof globalThis.fetch;
  const common = {
    url: endpoint,
    transformer,
    // Some proxies refuse longer URLs; the client splits the batch instead.
    maxURLLength: 2000,
    headers,
    ...(fetch ? { fetch } : {}),
  };
  return createTRPCClient<AppRouter>({
    links: [
      splitLink({
        condition: ({ type }) => type === 'subscription',
        true: httpSubscriptionLink({
          url: endpoint,
          transformer,
          // The browser's own `EventSource` cannot send a token.
          EventSource,
          eventSourceOptions: {
            fetch: async (input, init) =>
              live(input, { ...init, headers: { ...init.headers, ...(await headers()) } }),
          },
        }),
        false: splitLink({
          condition: ({ type }) => type === 'mutation',
          true: httpBatchLink({ ...common, maxItems: MAX_MUTATIONS }),
          false: httpBatchLink({ ...common, maxItems: MAX_QUERIES }),
        }),
      }),
    ],
  });
}
