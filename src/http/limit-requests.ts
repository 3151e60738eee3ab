import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../lib/app-error.ts';
import type { Rate } from '../lib/rate.ts';
import { requireValue } from '../lib/require-value.ts';
import type { Caller } from './context.ts';

/**
 * Counts a request of a workspace, or each of the `calls` that a tRPC batch makes with it. Sends
 * how many are left in `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers).
 * Throws `rate_limited`.
 */
export type LimitRequests = (
  request: FastifyRequest,
  reply: FastifyReply,
  caller: Caller,
  calls?: number,
) => Promise<void>;

/** Creates the limit for both APIs of this process only. Without a rate there is no limit. */
export async function createLimitRequests(app: FastifyInstance, rate: Rate | null): Promise<LimitRequests> {
  if (!rate) return async () => {};
  const { maxCalls: max, windowMs } = rate;
  const callers = new WeakMap<FastifyRequest, string>();
  await app.register(rateLimit, { global: false });
  const check = app.createRateLimit({
    max,
    timeWindow: windowMs,
    keyGenerator: (request) => requireValue(callers.get(request), 'the workspace of a request'),
  });
  const policy = `"default";q=${max};w=${Math.ceil(windowMs / 1000)}`;
  return async (request, reply, { workspaceId }, calls = 1) => {
    callers.set(request, workspaceId);
    let count = await check(request);
    for (let more = calls - 1; more > 0 && !count.isAllowed && !count.isExceeded; more -= 1) {
      count = await check(request);
    }
    // Never true, as there is no list of keys without a limit: narrows the type.
    if (count.isAllowed) return;
    reply.header('ratelimit-policy', policy);
    reply.header('ratelimit', `"default";r=${Math.max(0, count.remaining)};t=${count.ttlInSeconds}`);
    if (count.isExceeded) throw new AppError('rate_limited', { retryAfterMs: count.ttlInSeconds * 1000 });
  };
}
