import { sql } from 'drizzle-orm';
import { apiTokens } from '../db/schema/workspaces.ts';
import { createId, createSecret, sha256 } from '../lib/ids.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';

/**
 * Makes a bearer token for a workspace and returns it; only its hash is stored. Without
 * `expiresInMs` it never expires.
 */
export async function createToken(
  deps: Pick<FeatureDeps, 'orm'>,
  options: { workspaceId: string; expiresInMs?: number },
): Promise<string> {
  const token = `cta_${createSecret()}`;
  await deps.orm.insert(apiTokens).values({
    id: createId(),
    workspaceId: options.workspaceId,
    tokenHash: sha256(token),
    ...(options.expiresInMs === undefined
      ? {}
      : { expiresAt: sql`clock_timestamp() + make_interval(secs => ${options.expiresInMs / 1000}::float8)` }),
  });
  return token;
}
