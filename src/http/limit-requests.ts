import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Rate } from '../ai-calls/rate.ts';
import { AppError } from '../lib/app-error.ts';
import type { Caller } from './context.ts';

/**
 * Counts a request of a workspace, and tells it how many are left (`RateLimit` and `RateLimit-Policy` of
 * draft-ietf-httpapi-ratelimit-headers). Throws `rate_limited`.
 */
export type LimitRequests = (request: FastifyRequest, reply: FastifyReply, caller: Caller) => Promise<void>;

/** Makes a limit over both doors of one process; none without a rate. Each process counts for itself. */
export async function createLimitRequests(app: FastifyInstance, rate: Rate | null): Promise<LimitRequests> {
  if (!rate) return async () => {};
  const { maxCalls: max, windowMs } = rate;
  const callers = new WeakMap<FastifyRequest, string>();
  await app.register(rateLimit, { global: false });
  const check = app.createRateLimit({
    max,
    timeWindow: windowMs,
    keyGenerator: (request) => callers.get(request) ?? '',
  });
  const policy = `"default";q=${max};w=${Math.ceil(windowMs / 1000)}`;
  return async (request, reply, { workspaceId }) => {
    callers.set(request, workspaceId);
    const count = await check(request);
    if (count.isAllowed) return;
    reply.header('ratelimit-policy', policy);
    reply.header('ratelimit', `"default";r=${Math.max(0, count.remaining)};t=${count.ttlInSeconds}`);
    if (count.isExceeded) throw new AppError('rate_limited', { retryAfterMs: count.ttlInSeconds * 1000 });
  };
}
