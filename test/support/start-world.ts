import { type FakeAi, type FakeAiOptions, startFakeAi } from '../fakes/fake-ai.ts';
import { type FakeShop, startFakeShop } from '../fakes/fake-shop.ts';
import { type Program, startProgram } from './program.ts';
import { createRestClient } from './rest-client.ts';
import { openTestDatabase, type TestDatabase } from './test-database.ts';

/** A database, the fakes, and the programs of a test, each in a separate process. */
export interface World {
  readonly db: TestDatabase;
  readonly shop: FakeShop;
  readonly ai: FakeAi;
  /** The programs that were not killed or stopped through this object. */
  readonly alive: readonly Program[];
  start(role: 'api' | 'worker' | 'all', more?: Record<string, string>): Promise<Program>;
  /** Returns a client of a program with an API, with a new workspace. */
  connect(api: Program): Promise<ReturnType<typeof createRestClient>>;
  /** Kills the program with SIGKILL and waits for its end. */
  kill(program: Program): Promise<void>;
  /** Sends SIGTERM and waits for the end. */
  stop(program: Program): ReturnType<Program['stop']>;
  /** Ends everything. */
  end(): Promise<void>;
}

/** Creates a world. `env` applies to all its programs. `db` is a database of the test. */
export async function startWorld({
  ai: aiOptions,
  env = {},
  db: given,
}: {
  ai?: FakeAiOptions;
  env?: Record<string, string>;
  db?: TestDatabase;
} = {}): Promise<World> {
  const db = given ?? (await openTestDatabase());
  const shop = await startFakeShop();
  const ai = await startFakeAi(aiOptions);
  const alive: Program[] = [];
  let workspaces = 0;

  function endOne(program: Program, signal: NodeJS.Signals): ReturnType<Program['stop']> {
    alive.splice(alive.indexOf(program), 1);
    const ended = program.stop(signal);
    // If a failed test left the program stopped, it handles SIGTERM only after this.
    program.process.kill('SIGCONT');
    return ended;
  }

  return {
    db,
    shop,
    ai,
    alive,
    async start(role, more = {}) {
      const program = await startProgram({
        args: ['start', '--role', role],
        env: {
          DATABASE_URL: db.url,
          FETCH_ALLOW_HOSTS: shop.host,
          AI_BASE_URL: ai.baseUrl,
          AI_API_KEY: 'fake',
          PREVIEW_RATE_LIMIT: 'off',
          ...env,
          ...more,
        },
      });
      alive.push(program);
      return program;
    },
    async connect(api) {
      workspaces += 1;
      const { token } = await db.addWorkspace(`workspace ${workspaces}`);
      return createRestClient(api.address, token);
    },
    async kill(program) {
      await endOne(program, 'SIGKILL');
    },
    stop: (program) => endOne(program, 'SIGTERM'),
    async end() {
      await Promise.all([...alive].map((program) => endOne(program, 'SIGTERM')));
      await ai.close();
      await shop.close();
      await db.drop();
    },
  };
}
