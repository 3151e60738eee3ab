import { eq } from 'drizzle-orm';
import { workspaces } from '../db/schema/workspaces.ts';
import { AppError } from '../lib/app-error.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';

/** Returns the id of the workspace with this name. Throws `not_found`. */
export async function getWorkspace(deps: Pick<FeatureDeps, 'orm'>, name: string): Promise<string> {
  const [row] = await deps.orm
    .select({ id: workspaces.id })
    .from(workspaces)
    .where(eq(workspaces.name, name));
  if (!row) throw new AppError('not_found', { detail: `There is no workspace ${name}.` });
  return row.id;
}
