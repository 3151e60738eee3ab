import { LRUCache } from 'lru-cache';
import { AppError } from '../lib/app-error.ts';
import { findWorkspaceByToken } from '../workspaces/find-workspace.ts';
import type { ApiDeps, Caller } from './context.ts';

/** How long an accepted token is cached, and therefore how late its revocation takes effect. */
const REMEMBER_MS = 5000;

/** Identifies the caller, only by the `Authorization` header. Throws `unauthorized`. */
export type Authenticate = (authorization: string | undefined) => Promise<Caller>;

/**
 * Creates an `Authenticate` that caches accepted tokens for `REMEMBER_MS`, so that most requests
 * need no query.
 */
export function createAuthenticate(deps: Pick<ApiDeps, 'orm'>): Authenticate {
  const accepted = new LRUCache<string, Caller>({ max: 10_000, ttl: REMEMBER_MS });
  return async (authorization) => {
    const token = /^Bearer +([\w.~+/=-]{1,200})$/i.exec(authorization ?? '')?.[1];
    if (token === undefined) throw new AppError('unauthorized');
    const known = accepted.get(token);
    if (known) return known;
    const owner = await findWorkspaceByToken(deps, token);
    if (!owner) throw new AppError('unauthorized');
    const { workspaceId, tokenId, expiresInMs } = owner;
    const caller: Caller = {
      workspaceId,
      tokenId,
      ...(expiresInMs === null ? {} : { expiresAt: performance.now() + expiresInMs }),
    };
    accepted.set(token, caller, { ttl: Math.max(1, Math.min(REMEMBER_MS, expiresInMs ?? REMEMBER_MS)) });
    return caller;
  };
}
