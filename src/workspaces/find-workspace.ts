import { eq, sql } from 'drizzle-orm';
import { prepareOnce } from '../db/client.ts';
import { apiTokens } from '../db/schema/workspaces.ts';
import { sha256 } from '../lib/ids.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';

/** The workspace of a token, and how long the token is valid. */
export interface TokenOwner {
  readonly workspaceId: string;
  readonly tokenId: string;
  /** Milliseconds until the token expires, by the database's clock; null if it never does. */
  readonly expiresInMs: number | null;
}

const findByHash = prepareOnce((orm) =>
  orm
    .select({
      workspaceId: apiTokens.workspaceId,
      tokenId: apiTokens.id,
      expiresInMs: sql<
        number | null
      >`extract(epoch from ${apiTokens.expiresAt} - clock_timestamp())::float8 * 1000`,
    })
    .from(apiTokens)
    .where(eq(apiTokens.tokenHash, sql.placeholder('hash')))
    .prepare('find_workspace'),
);

/** Returns the workspace of a bearer token; undefined if the token is unknown or expired. */
export async function findWorkspaceByToken(
  deps: Pick<FeatureDeps, 'orm'>,
  token: string,
): Promise<TokenOwner | undefined> {
  const [row] = await findByHash(deps.orm).execute({ hash: sha256(token) });
  if (!row || (row.expiresInMs !== null && row.expiresInMs <= 0)) return undefined;
  return row;
}
