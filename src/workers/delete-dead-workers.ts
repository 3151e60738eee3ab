import { sql } from 'drizzle-orm';
import type { FeatureDeps } from '../queue/feature-deps.ts';

/** How long rows of dead workers are kept for inspection. */
const KEEP_DEAD_MS = 24 * 60 * 60_000;

/** Deletes workers that died more than a day ago. Returns how many. */
export async function deleteDeadWorkers(deps: Pick<FeatureDeps, 'orm'>): Promise<number> {
  const { rowCount } = await deps.orm.execute(sql`
    delete from cta.workers where died_at < clock_timestamp() - make_interval(secs => ${KEEP_DEAD_MS} / 1000.0)`);
  return rowCount ?? 0;
}
