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

/** What a failed call rejects with. `data.code` is an `ErrorCode`. */
export { TRPCClientError } from '@trpc/client';
export type { AppRouter, ErrorCode };
/** What each procedure takes. */
export type Inputs = inferRouterInputs<AppRouter>;
/** What each procedure answers. */
export type Outputs = inferRouterOutputs<AppRouter>;
export type Batch = Outputs['batch']['get'];
export type Preview = Outputs['previews']['get'];
export type CtaBatchClient = TRPCClient<AppRouter>;

export interface ClientOptions {
  /** Where the service is, such as `https://cta.example.com`. */
  readonly url: string;
  /** A workspace's token, or a function that gets one. */
  readonly token: string | (() => string | Promise<string>);
  /** Another `fetch`, for tests or old runtimes. */
  readonly fetch?: NonNullable<HTTPBatchLinkOptions<AppRouter['_def']['_config']['$types']>['fetch']>;
}

/** Inputs are plain JSON: they hold no dates, sets or maps. Answers hold dates. */
const transformer = {
  serialize: (input: unknown) => ({ json: input }),
  deserialize: (answer: SuperJSONResult) => superjson.deserialize(answer),
};

/** The service takes no more of them in one request. */
const MAX_MUTATIONS = 10;
const MAX_QUERIES = 100;

/**
 * A typed client. Calls made at the same time go out as one request; dates arrive as `Date`. `batch.watch` is live, and goes on
 * by itself after a lost connection.
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
    // Longer addresses are refused by some proxies; the batch is split instead.
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
          // The browser's own sends no token.
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
