import { eq, sql } from 'drizzle-orm';
import { type Orm, prepareOnce } from '../db/client.ts';
import { apiTokens } from '../db/schema/workspaces.ts';
import { sha256 } from '../lib/ids.ts';

/** A workspace that a token opens, and how long the token is still good. */
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

/** The workspace a bearer token belongs to; undefined for an unknown or expired one. */
export async function findWorkspaceByToken(
  deps: { orm: Orm },
  token: string,
): Promise<TokenOwner | undefined> {
  const [row] = await findByHash(deps.orm).execute({ hash: sha256(token) });
  if (!row || (row.expiresInMs !== null && row.expiresInMs <= 0)) return undefined;
  return row;
}
