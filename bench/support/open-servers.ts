import { fillDatabase } from './fill-database.ts';
import { makeTargets } from './make-targets.ts';
import { type Stage, startBareServer, startRole } from './stage.ts';
import type { StageDatabase } from './stage-database.ts';

/** An API and the bare server on one filled database. Disposing it stops both. */
export interface OpenServers extends AsyncDisposable {
  readonly database: StageDatabase;
  readonly targets: ReturnType<typeof makeTargets>;
}

/**
 * Fills a database with batches of one workspace, with ten previews per source, and starts both
 * servers on it. No worker runs.
 */
export async function openServers(
  stage: Stage,
  size: { readonly batches: number; readonly sourcesPerBatch: number },
): Promise<OpenServers> {
  await using opening = new AsyncDisposableStack();
  const database = await stage.addDatabase();
  await fillDatabase(database, {
    ...size,
    previewsPerSource: 10,
    workspaces: 1,
    settledJobs: 0,
    rebuildIndexes: false,
  });
  const api = opening.use(await startRole(stage, database, 'api'));
  const bare = opening.use(await startBareServer(database));
  const owned = opening.move();
  return {
    database,
    targets: makeTargets(database, api.address, bare.address),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
