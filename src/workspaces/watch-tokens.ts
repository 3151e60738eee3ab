import { and, gt, isNull, or, sql } from 'drizzle-orm';
import { prepareOnce } from '../db/client.ts';
import { apiTokens } from '../db/schema/workspaces.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';

/** How often the watched tokens are checked. */
const CHECK_MS = 15_000;

/** Watches the tokens of open streams. One query checks all of them. */
export interface TokenWatch {
  /**
   * Returns a signal that aborts within 15 s after the token, or its workspace, was deleted or the
   * token expired; later while the database is unavailable. Ends when `until` aborts.
   */
  watch(tokenId: string, until: AbortSignal): AbortSignal;
  close(): void;
}

/** Runs no query while no token is watched. */
export function createTokenWatch(
  deps: Pick<FeatureDeps, 'orm'>,
  { checkMs = CHECK_MS }: { checkMs?: number } = {},
): TokenWatch {
  const watchers = new Map<string, Set<AbortController>>();
  let isChecking = false;

  async function check(): Promise<void> {
    if (isChecking || watchers.size === 0) return;
    isChecking = true;
    try {
      const ids = [...watchers.keys()];
      const valid = new Set((await findValid(deps.orm).execute({ ids })).map(({ id }) => id));
      for (const id of ids) if (!valid.has(id)) for (const watcher of watchers.get(id) ?? []) watcher.abort();
    } catch {
      // The database is unavailable: keep the streams open and check again at the next interval.
    } finally {
      isChecking = false;
    }
  }

  const timer = setInterval(check, checkMs).unref();
  return {
    watch(tokenId, until) {
      const watcher = new AbortController();
      if (until.aborted) return watcher.signal;
      const others = watchers.get(tokenId) ?? new Set();
      watchers.set(tokenId, others.add(watcher));
      const leave = () => {
        others.delete(watcher);
        if (others.size === 0 && watchers.get(tokenId) === others) watchers.delete(tokenId);
      };
      until.addEventListener('abort', leave, { once: true });
      return watcher.signal;
    },
    close: () => clearInterval(timer),
  };
}

const findValid = prepareOnce((orm) =>
  orm
    .select({ id: apiTokens.id })
    .from(apiTokens)
    .where(
      and(
        sql`${apiTokens.id} = any(${sql.placeholder('ids')})`,
        or(isNull(apiTokens.expiresAt), gt(apiTokens.expiresAt, sql`clock_timestamp()`)),
      ),
    )
    .prepare('find_valid_tokens'),
);
