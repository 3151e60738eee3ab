import { getLimits, type Limits } from '../ai-calls/get-limits.ts';
import { openDatabase } from '../db/client.ts';
import { explainConnectionError } from '../db/explain-connection-error.ts';
import { inspectServer, type ServerFacts } from '../db/inspect-server.ts';
import type { Log } from '../lib/log.ts';
import { type BrokenRow, FOUND_AT_MOST, INVARIANTS, type Invariant } from '../pipeline/invariants.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';
import { openQueue, QUEUE_SCHEMA } from '../queue/queue.ts';
import { type Closer, closeAll } from './close-all.ts';
import { type Settings, SettingsError } from './config.ts';
import { findSessionFaults, type SessionFault } from './find-session-faults.ts';
import { openServer, reasonOf } from './open-runtime.ts';

/** One check and its result. */
export interface Finding {
  readonly check: string;
  /**
   * `warning`: it works, or a running worker will repair it. `fault`: a person must act. `mended`:
   * `--fix` has repaired it.
   */
  readonly state: 'ok' | 'warning' | 'fault' | 'mended';
  readonly says: string;
  /** The first few of the affected rows. */
  readonly ids?: readonly string[];
}

/**
 * Connections of a process that runs everything, besides its pool: two of the queue, two that
 * listen, and one for the worker's heartbeat.
 */
const OTHER_CONNECTIONS = 5;
const MAX_CLOCK_DIFFERENCE_MS = 5000;
/** The number of affected rows that are listed. */
const IDS_SHOWN = 5;
const MARKS = { ok: '✓', mended: '✓', warning: '!', fault: '✗' } as const;

/**
 * `doctor`: checks whether the database works as it must and whether its data are consistent. Never
 * migrates, and without `--fix` changes nothing. Returns the exit code: 0 if there are no faults
 * (warnings are possible), 1 for faults, 2 if not everything could be checked.
 */
export async function runDoctor(
  settings: Settings,
  log: Log,
  options: { json: boolean; fix: boolean },
): Promise<0 | 1 | 2> {
  const findings: Finding[] = [];
  const add = (finding: Finding) => {
    findings.push(finding);
    if (!options.json) process.stdout.write(draw(finding));
  };
  const isComplete = await examine(settings, log, options.fix, add);
  const faults = findings.filter(({ state }) => state === 'fault').length;
  if (options.json) process.stdout.write(`${JSON.stringify(findings, null, 2)}\n`);
  else process.stdout.write(`\n${summarize(findings, options.fix)}\n`);
  if (!isComplete) return 2;
  return faults > 0 ? 1 : 0;
}

type Add = (finding: Finding) => void;

/** Runs all checks. Returns whether every check could be made. */
async function examine(settings: Settings, log: Log, fix: boolean, add: Add): Promise<boolean> {
  const closers: Closer[] = [];
  try {
    const server = await openServer(settings, log);
    closers.push(...server.closers);
    const facts = await inspectServer(server.url, ['cta', QUEUE_SCHEMA]);
    for (const finding of checkServer(facts, settings)) add(finding);
    if (findSessionFaults(facts).length > 0 || facts.schema?.is !== 'current') return false;
    const database = openDatabase({ url: server.url, poolSize: 2, applicationName: 'cta-batch doctor' });
    closers.push({ name: 'the database', close: database.close });
    const queue = await openQueue({ url: server.url, log, supervise: false });
    closers.push({ name: 'the queue', close: queue.stop });
    const deps: FeatureDeps = { orm: database.orm, transact: database.transact, queue };
    const limits = await getLimits(deps, { wholeLedger: true });
    for (const finding of checkLimits(limits, settings)) add(finding);
    let isComplete = true;
    for (const invariant of INVARIANTS) {
      const finding = await checkInvariant(deps, invariant, fix).catch((error: unknown) => {
        isComplete = false;
        return {
          check: invariant.name,
          state: 'fault' as const,
          says: `could not check that ${invariant.holds}: ${reasonOf(error)}`,
        };
      });
      add(finding);
    }
    return isComplete;
  } catch (error) {
    if (error instanceof SettingsError) throw error;
    const reason = explainConnectionError(error)?.replace(/\.$/, '') ?? reasonOf(error);
    add({ check: 'connection', state: 'fault', says: `the database cannot be used: ${reason}` });
    return false;
  } finally {
    await closeAll(closers, log);
  }
}

function checkServer(facts: ServerFacts, settings: Settings): Finding[] {
  const { schema } = facts;
  const finding = (
    check: string,
    isGood: boolean,
    good: string,
    bad: string,
    state: Finding['state'] = 'fault',
  ) => (isGood ? { check, state: 'ok' as const, says: good } : { check, state, says: bad });
  const needed = settings.DATABASE_POOL + OTHER_CONNECTIONS;
  const faults = findSessionFaults(facts);
  const fundamental = (check: SessionFault['check'], good: string) => {
    const says = faults.find((fault) => fault.check === check)?.says;
    return finding(check, says === undefined, good, says ?? '');
  };
  return [
    {
      check: 'connection',
      state: 'ok',
      says: `connected to the database ${facts.database} as ${facts.role}`,
    },
    fundamental('version', `PostgreSQL ${facts.version}`),
    fundamental('encoding', `the encoding of the database is ${facts.encoding}`),
    fundamental('read_only', 'the database is writable'),
    fundamental('replication_role', 'foreign keys are enforced'),
    fundamental('session', 'session state is kept'),
    finding(
      'notifications',
      facts.hearsNotify,
      'notifications are delivered',
      'notifications of one session do not reach another one: connect to the server directly, or through a pooler in session mode',
    ),
    finding(
      'connections',
      facts.freeConnections >= needed,
      `${facts.freeConnections} connections are free; a process uses up to ${needed}`,
      `${facts.freeConnections} connections are free, but a process uses up to ${needed} (DATABASE_POOL and ${OTHER_CONNECTIONS} more): raise max_connections or lower DATABASE_POOL`,
      'warning',
    ),
    finding(
      'durability',
      facts.isDurable,
      'commits are written to disk',
      'fsync or synchronous_commit is off: a crash of the server can lose paid answers and slots of the limit',
      'warning',
    ),
    finding(
      'clock',
      Math.abs(facts.clockAheadMs) <= MAX_CLOCK_DIFFERENCE_MS,
      'the clocks of the server and of this machine agree',
      `the clock of the server is ${facts.clockAheadMs} ms ahead of the clock of this machine; the limit uses the clock of the server, but the times in logs will differ`,
      'warning',
    ),
    ...(schema ? [checkSchema(schema, facts)] : []),
    finding(
      'privileges',
      facts.denied.length === 0,
      'the role may read and write all tables',
      `the role ${facts.role} may not use ${facts.denied.slice(0, IDS_SHOWN).join(', ')}: grant it usage on the schemas, and select, insert, update and delete on their tables`,
    ),
  ];
}

function checkSchema(schema: NonNullable<ServerFacts['schema']>, facts: ServerFacts): Finding {
  const check = 'schema';
  if (schema.is === 'current') return { check, state: 'ok', says: 'the schema is up to date' };
  if (schema.is === 'newer') {
    return {
      check,
      state: 'fault',
      says: `a newer version has migrated the database (to ${schema.migratedTo.toISOString()}): run that version`,
    };
  }
  if (schema.is === 'foreign') {
    return {
      check,
      state: 'fault',
      says: 'the schema is of a version before 0.1.0, which cannot be upgraded: use another database',
    };
  }
  if (schema.is === 'new' && !facts.mayCreate) {
    return {
      check,
      state: 'fault',
      says: `there is no schema yet, and the role ${facts.role} may not create one: grant it create on database ${facts.database}`,
    };
  }
  const what = schema.is === 'new' ? 'there is no schema yet' : 'the schema is of an older version';
  return { check, state: 'fault', says: `${what}: run \`migrate\` or \`start\` to update it` };
}

function checkLimits({ rate, kinds }: Limits, settings: Settings): Finding[] {
  const set = settings.PREVIEW_RATE_LIMIT;
  const inForce: Finding =
    rate === null || rate === set
      ? {
          check: 'limit',
          state: 'ok',
          says: rate === null ? 'no worker has started yet' : `the limit in force is ${rate}`,
        }
      : {
          check: 'limit',
          state: 'warning',
          says: `the limit in force is ${rate}, but PREVIEW_RATE_LIMIT here is ${set}: the next worker that starts sets the limit`,
        };
  const windows = kinds.map(({ kind, maxCalls, worstWindow, windowMs }): Finding => {
    const check = `worst_window_${kind}`;
    if (maxCalls === null || worstWindow === null)
      return { check, state: 'ok', says: `${kind}: no calls under a limit on record` };
    const summary = `${kind}: at most ${worstWindow.calls} calls in any ${windowMs / 1000} s on record`;
    if (worstWindow.calls <= maxCalls)
      return { check, state: 'ok', says: `${summary}; the limit is ${maxCalls}` };
    return {
      check,
      state: 'fault',
      says: `${summary} (from ${worstWindow.from.toISOString()}); the limit is ${maxCalls}: the limit was exceeded, unless it was higher at that time`,
    };
  });
  return [inForce, ...windows];
}

async function checkInvariant(deps: FeatureDeps, invariant: Invariant, fix: boolean): Promise<Finding> {
  const { name, holds, repairsItself } = invariant;
  const broken = await invariant.find(deps.orm);
  if (broken.length === 0) return { check: name, state: 'ok', says: holds };
  const left = fix && invariant.repair ? await repair(deps, invariant, broken) : broken;
  if (left.length === 0)
    return { check: name, state: 'mended', says: `${holds} (${count(broken)} repaired)` };
  const advice = !invariant.repair
    ? 'these cannot be repaired automatically: inspect them'
    : fix
      ? 'some could not be repaired: see the log of the workers'
      : repairsItself
        ? 'a running worker repairs them, and so does --fix'
        : '--fix repairs them';
  return {
    check: name,
    state: repairsItself && !fix ? 'warning' : 'fault',
    says: `${count(left)} violations of the rule that ${holds}; ${advice}`,
    ids: left.slice(0, IDS_SHOWN).map(({ id }) => id),
  };
}

/**
 * Repairs the rows of one query at a time, while that makes progress. Returns the rows that are
 * still broken.
 */
async function repair(
  deps: FeatureDeps,
  invariant: Invariant,
  found: readonly BrokenRow[],
): Promise<readonly BrokenRow[]> {
  let broken = found;
  for (let last: string | undefined; broken.length > 0 && broken[0]?.id !== last; ) {
    last = broken[0]?.id;
    await invariant.repair?.(deps, broken);
    broken = await invariant.find(deps.orm);
  }
  return broken;
}

function count({ length }: { length: number }): string {
  return length === FOUND_AT_MOST ? `${length} or more` : String(length);
}

function draw({ state, says, ids }: Finding): string {
  return `${MARKS[state]} ${says}\n${(ids ?? []).map((id) => `    ${id}\n`).join('')}`;
}

function summarize(findings: readonly Finding[], fix: boolean): string {
  const of = (state: Finding['state']) => findings.filter((finding) => finding.state === state).length;
  const [faults, warnings] = [of('fault'), of('warning')];
  if (faults + warnings === 0) return fix && of('mended') > 0 ? 'All faults are repaired.' : 'No faults.';
  return `${faults} ${faults === 1 ? 'fault' : 'faults'}, ${warnings} ${warnings === 1 ? 'warning' : 'warnings'}.`;
}
