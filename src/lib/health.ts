import type { BuildInfo } from './build-info.ts';
import { shareResult } from './share-result.ts';

/** The checks that readiness consists of. A check that throws counts as failed. */
export interface HealthChecks {
  /** Returns the version of the schema that the database has now. */
  findSchemaVersion(): Promise<number>;
  /** The schema version for which this program was started. */
  readonly schemaVersion: number;
  /** Returns whether all connections that listen for notifications are open. */
  isListening(): boolean;
}

type CheckResult = 'ok' | 'failed' | 'unknown';

/**
 * Names and results of the checks. Contains no address and no message, because anyone may request
 * it.
 */
export interface Readiness {
  readonly status: 'ready' | 'starting' | 'stopping' | 'not_ready';
  readonly checks: {
    readonly database: CheckResult;
    readonly schema: CheckResult;
    readonly queue: CheckResult;
  };
}

/** The health of this program. */
export interface Health {
  /** Version, role and start time, as the responses show them. */
  readonly about: Readonly<Record<string, string | null>>;
  /** Reports `stopping` from the first stop signal on, without running a check. */
  getReadiness(): Promise<Readiness>;
  /** Sets the checks, once the database is open. */
  watch(checks: HealthChecks): void;
  /** The program has started all its parts. */
  start(): void;
  /** The program is stopping and is no longer ready. */
  stop(): void;
}

/** The result of a check is shared by all requests within this time. */
const CACHE_MS = 1000;
/** A database that takes longer counts as failed. */
const TIMEOUT_MS = 2000;

const UNKNOWN = { database: 'unknown', schema: 'unknown', queue: 'unknown' } as const;

/** Creates the health of a program that is still starting. */
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
      // The program may have begun to stop meanwhile.
      if (phase !== 'ready') return { status: phase, checks };
      const isReady = Object.values(checks).every((result) => result === 'ok');
      return { status: isReady ? 'ready' : 'not_ready', checks };
    },
    watch({ findSchemaVersion, schemaVersion, isListening }) {
      const find = shareResult(findSchemaVersion, { ttlMs: CACHE_MS, timeoutMs: TIMEOUT_MS });
      check = async () => {
        const queue = isListening() ? 'ok' : 'failed';
        try {
          // A newer schema belongs to a release that is taking over; until then this program
          // continues to work.
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

/** Returns the response to `/livez` or `/readyz`, whichever port serves it. */
export async function describeHealth(
  health: Health,
  path: '/livez' | '/readyz',
): Promise<{ status: 200 | 503; body: object }> {
  if (path === '/livez') return { status: 200, body: { status: 'alive', ...health.about } };
  const readiness = await health.getReadiness();
  return { status: readiness.status === 'ready' ? 200 : 503, body: { ...readiness, ...health.about } };
}
