import { Pool } from 'pg';
import { openDatabase } from '../../src/db/client.ts';
import { createToken } from '../../src/workspaces/create-token.ts';
import { ensureWorkspace } from '../../src/workspaces/ensure-workspace.ts';

/** The database of one measurement. */
export interface StageDatabase extends AsyncDisposable {
  readonly url: string;
  /** For queries and for filling the database. Its statements have no time-out. */
  readonly pool: Pool;
  readonly workspaceId: string;
  readonly token: string;
}

/** Opens a migrated database and creates a workspace in it. */
export async function openStageDatabase(url: string): Promise<StageDatabase> {
  const database = openDatabase({ url, poolSize: 1, applicationName: 'bench' });
  const workspaceId = await ensureWorkspace(database, 'bench');
  const token = await createToken(database, { workspaceId });
  await database.close();
  const pool = new Pool({ connectionString: url, max: 3, application_name: 'bench' });
  pool.on('error', () => {});
  await pool.query('create extension if not exists pg_stat_statements');
  return { url, pool, workspaceId, token, [Symbol.asyncDispose]: () => pool.end() };
}
