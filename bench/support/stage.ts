import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { openEmbeddedServer } from '../../src/db/embedded/embedded-server.ts';
import { migrateDatabase } from '../../src/db/migrate.ts';
import { installQueue } from '../../src/queue/queue.ts';
import { startFakeAi } from '../../test/fakes/fake-ai.ts';
import { type FakeShop, startFakeShop } from '../../test/fakes/fake-shop.ts';
import { quietLog } from '../../test/support/quiet-log.ts';
import { openStageDatabase, type StageDatabase } from './stage-database.ts';
import { type StageProgram, startOwned } from './start-owned.ts';

/**
 * The environment of all measurements: an embedded PostgreSQL and a fake shop. Disposing it stops
 * both and closes its databases.
 */
export interface Stage extends AsyncDisposable {
  readonly shop: FakeShop;
  /** Environment variables for every measured program. */
  readonly env: Readonly<Record<string, string>>;
  /** Creates a migrated database with a workspace and a token. */
  addDatabase(): Promise<StageDatabase>;
}

const TEMPLATE = 'bench_template';

/**
 * Starts PostgreSQL and the shop. The server has the program's own settings and also counts
 * statements. If `profiles` is a folder, each measured program writes a CPU profile to it when it
 * ends.
 */
export async function openStage(options: { profiles?: string | undefined } = {}): Promise<Stage> {
  await using opening = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'cta-bench-'));
  opening.defer(() => rm(folder, { recursive: true, force: true }));
  // If this runs as root, the server runs as another user, who must be able to enter the folder.
  await chmod(folder, 0o755);
  const server = await openEmbeddedServer({
    folder,
    log: { info: () => {}, warn: (message) => process.stderr.write(`${message}\n`) },
    settings: { shared_preload_libraries: 'pg_stat_statements' },
  });
  opening.defer(() => server.stop());
  const admin = new Client(server.url);
  await admin.connect();
  opening.defer(() => admin.end());
  await admin.query(`create database ${TEMPLATE}`);
  const template = withDatabase(server.url, TEMPLATE);
  await migrateDatabase(template, () => installQueue({ url: template, log: quietLog, supervise: false }));
  const shop = await startFakeShop();
  opening.defer(() => shop.close());
  const owned = opening.move();
  let databases = 0;
  const { profiles } = options;
  return {
    shop,
    env: profiles === undefined ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${resolve(profiles)}` },
    async addDatabase() {
      databases += 1;
      const name = `bench_${databases}`;
      await admin.query(`create database ${name} template ${TEMPLATE}`);
      return owned.use(await openStageDatabase(withDatabase(server.url, name)));
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Starts a fake AI service. Disposing it stops it. */
export async function openAi(options: { latencyMs: number }) {
  const ai = await startFakeAi(options);
  return { ...ai, [Symbol.asyncDispose]: () => ai.close() };
}

/** Starts the service in a role, as `npm start` would, with the limit off unless `env` sets one. */
export function startRole(
  stage: Stage,
  database: StageDatabase,
  role: 'all' | 'api' | 'worker',
  env: Readonly<Record<string, string>> = {},
): Promise<StageProgram> {
  return startOwned({
    args: ['start', '--role', role],
    env: {
      DATABASE_URL: database.url,
      FETCH_ALLOW_HOSTS: stage.shop.host,
      PREVIEW_RATE_LIMIT: 'off',
      LOG_LEVEL: 'warn',
      MALLOC_ARENA_MAX: '2',
      ...stage.env,
      ...env,
    },
  });
}

/** Starts a Fastify server whose routes run one hand-written statement each. */
export function startBareServer(database: StageDatabase): Promise<StageProgram> {
  return startOwned({
    script: fileURLToPath(new URL('bare-server.ts', import.meta.url)),
    env: { DATABASE_URL: database.url, MALLOC_ARENA_MAX: '2' },
  });
}

function withDatabase(serverUrl: string, name: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}
