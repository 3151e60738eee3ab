import type { BuildInfo } from './build-info.ts';
import { shareResult } from './share-result.ts';

/** What readiness is made of. Each answers whether all is well; a failure means that it is not. */
export interface HealthChecks {
  /** The version of the schema that the database has now, asked of the database. */
  findSchemaVersion(): Promise<number>;
  /** The version that this program was started on. */
  readonly schemaVersion: number;
  /** Whether the connections that listen are there. */
  isListening(): boolean;
}

type CheckResult = 'ok' | 'failed' | 'unknown';

/** Names of what is looked at, never an address or a message: anyone may ask. */
export interface Readiness {
  readonly status: 'ready' | 'starting' | 'stopping' | 'not_ready';
  readonly checks: {
    readonly database: CheckResult;
    readonly schema: CheckResult;
    readonly queue: CheckResult;
  };
}

/** Who says how this program is. */
export interface Health {
  /** What it is and since when, as the answers tell it. */
  readonly about: Readonly<Record<string, string | null>>;
  /** At once with the first signal to stop, without asking anybody. */
  getReadiness(): Promise<Readiness>;
  /** It stands on something that can be looked at from now on. */
  watch(checks: HealthChecks): void;
  /** Everything it does has begun. */
  start(): void;
  /** It is ready no more. */
  stop(): void;
}

/** One look serves all who ask within this time. */
const SHARED_MS = 1000;
/** A database that takes longer is not there for those who wait. */
const WITHIN_MS = 2000;

const UNKNOWN = { database: 'unknown', schema: 'unknown', queue: 'unknown' } as const;

/** A program that has not begun yet. */
export function createHealth({ role, build }: { role: string; build: BuildInfo }): Health {
  const { version, commit, node } = build;
  let phase: 'starting' | 'ready' | 'stopping' = 'starting';
  let check: (() => Promise<Readiness['checks']>) | undefined;
  return {
    about: { version, commit, node, role, started_at: new Date().toISOString() },
    async getReadiness() {
      if (phase !== 'ready' || !check)
        return { status: phase === 'ready' ? 'starting' : phase, checks: UNKNOWN };
      const checks = await check();
      // It may have been told to stop meanwhile.
      if (phase !== 'ready') return { status: phase, checks };
      const isReady = Object.values(checks).every((result) => result === 'ok');
      return { status: isReady ? 'ready' : 'not_ready', checks };
    },
    watch({ findSchemaVersion, schemaVersion, isListening }) {
      const find = shareResult(findSchemaVersion, { ttlMs: SHARED_MS, timeoutMs: WITHIN_MS });
      check = async () => {
        const queue = isListening() ? 'ok' : 'failed';
        try {
          // A newer one is that of the release which takes over: until it has, this one goes on.
          const schema = (await find()) >= schemaVersion ? 'ok' : 'failed';
          return { database: 'ok', schema, queue };
        } catch {
          return { database: 'failed', schema: 'unknown', queue };
        }
      };
    },
    start() {
      if (phase === 'starting') phase = 'ready';
    },
    stop() {
      phase = 'stopping';
    },
  };
}

/** What `/livez` and `/readyz` answer, on whichever port. */
export async function answerHealth(
  health: Health,
  path: '/livez' | '/readyz',
): Promise<{ status: 200 | 503; body: object }> {
  if (path === '/livez') return { status: 200, body: { status: 'alive', ...health.about } };
  const readiness = await health.getReadiness();
  return { status: readiness.status === 'ready' ? 200 : 503, body: { ...readiness, ...health.about } };
}
