import { eq } from 'drizzle-orm';
import type { Orm } from '../db/client.ts';
import { workspaces } from '../db/schema/workspaces.ts';
import { createId } from '../lib/ids.ts';

/**
 * Returns the id of the workspace with this name, and creates the workspace if it is missing.
 * `name` has 1 to 100 characters. Idempotent.
 */
export async function ensureWorkspace(deps: { orm: Orm }, name: string): Promise<string> {
  await deps.orm
    .insert(workspaces)
    .values({ id: createId(), name })
    .onConflictDoNothing({ target: workspaces.name });
  const [row] = await deps.orm
    .select({ id: workspaces.id })
    .from(workspaces)
    .where(eq(workspaces.name, name));
  if (!row) throw new Error(`the workspace ${name} was deleted while it was made`);
  return row.id;
}
