import { asc, eq } from 'drizzle-orm';
import { apiTokens } from '../db/schema/workspaces.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';

/** The stored facts of a token; the token itself is not stored. */
export interface Token {
  readonly id: string;
  readonly createdAt: Date;
  /** Null if it never expires. */
  readonly expiresAt: Date | null;
}

/** Returns the tokens of a workspace, oldest first, including expired ones. */
export function listTokens(
  deps: Pick<FeatureDeps, 'orm'>,
  options: { workspaceId: string },
): Promise<Token[]> {
  return deps.orm
    .select({ id: apiTokens.id, createdAt: apiTokens.createdAt, expiresAt: apiTokens.expiresAt })
    .from(apiTokens)
    .where(eq(apiTokens.workspaceId, options.workspaceId))
    .orderBy(asc(apiTokens.createdAt), asc(apiTokens.id));
}
