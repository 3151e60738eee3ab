import { eq, sql } from 'drizzle-orm';
import { FAIR_QUEUES } from '../db/schema/values.ts';
import { workspaces } from '../db/schema/workspaces.ts';
import { createId } from '../lib/ids.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';

/**
 * Returns the id of the workspace with this name, and creates the workspace with its turns if it is
 * missing. `name` has 1 to 100 characters. Idempotent.
 */
export async function ensureWorkspace(deps: Pick<FeatureDeps, 'orm'>, name: string): Promise<string> {
  await deps.orm.execute(sql`
    with made as (
      insert into cta.workspaces (id, name) values (${createId()}, ${name})
      on conflict (name) do nothing returning id
    )
    insert into cta.turns (workspace_id, queue)
    select made.id, queue from made, unnest(${sql.param(`{${FAIR_QUEUES.join(',')}}`)}::text[]) as queue`);
  const [row] = await deps.orm
    .select({ id: workspaces.id })
    .from(workspaces)
    .where(eq(workspaces.name, name));
  if (!row) throw new Error(`the workspace ${name} was deleted while it was created`);
  return row.id;
}
