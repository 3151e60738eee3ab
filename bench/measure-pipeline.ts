import { fileURLToPath } from 'node:url';
import { runProgram } from '../test/support/program.ts';
import { type Cost, countCost } from './support/count-cost.ts';
import { drawImages } from './support/draw-images.ts';
import type { Report } from './support/figure.ts';
import { postBatch, waitUntilFinished } from './support/make-batches.ts';
import type { BenchOptions } from './support/options.ts';
import { say } from './support/say.ts';
import { openAi, type Stage, startRole } from './support/stage.ts';
import type { StageDatabase } from './support/stage-database.ts';
import { compareRounds, median } from './support/statistics.ts';

const AI_MS = 50;
const BATCHES = 6;
const SOURCES = 5;
const SIZE = 10;
const PREVIEWS = BATCHES * SOURCES * SIZE;
/** The default of WORKER_CONCURRENCY. */
const CONCURRENCY = 50;
const ROUNDS = 3;

/**
 * Measures 300 previews without a limit against as many bare jobs of pg-boss, alternating, and what
 * a preview costs the database.
 */
export async function measurePipeline(stage: Stage, _options: BenchOptions): Promise<Report> {
  const database = await stage.addDatabase();
  await using ai = await openAi({ latencyMs: AI_MS });
  await using program = await startRole(stage, database, 'all', {
    AI_BASE_URL: ai.baseUrl,
    AI_API_KEY: 'fake',
  });
  const submit = async (names: readonly string[]) => {
    await drawImages(stage.shop, names);
    for (let i = 0; i < names.length; i += SOURCES) {
      const sources = names.slice(i, i + SOURCES).map((name) => ({
        url: stage.shop.productUrl(name),
        batch_size: SIZE,
      }));
      await postBatch(program.address, database, sources);
    }
    await waitUntilFinished(database);
  };
  say('pipeline: warming up');
  await submit(['warm-1', 'warm-2', 'warm-3', 'warm-4', 'warm-5']);

  const rounds: { whole: Pace; cost: Cost; bare: number }[] = [];
  for (let round = 1; round <= ROUNDS; round += 1) {
    const names = Array.from({ length: BATCHES * SOURCES }, (_, i) => `thing-${round}-${i}`);
    await drawImages(stage.shop, names);
    const since = await readClock(database);
    const cost = await countCost(database, () => submit(names));
    const whole = await readPace(database, since);
    const bare = await runBareJobs(database);
    rounds.push({ whole, cost, bare });
    say(`pipeline: ${whole.perSecond.toFixed(1)} previews/s, ${bare.toFixed(0)} bare jobs/s`);
  }
  const compare = (pick: (pace: Pace) => number) =>
    compareRounds(rounds.map(({ whole, bare }) => ({ value: pick(whole), yardstick: bare })));
  const perPreview = (what: string, unit: string, pick: (cost: Cost) => number) => ({
    what: `of the database, for a preview: ${what}`,
    unit,
    value: median(rounds.map(({ cost }) => pick(cost) / PREVIEWS)),
  });
  const seconds = (what: string, pick: (pace: Pace) => number) => ({
    what: `from the first submission to ${what}`,
    unit: 's',
    value: median(rounds.map(({ whole }) => pick(whole))),
  });
  return {
    title: `${PREVIEWS} previews, AI ${AI_MS} ms, no limit, one program, beside as many jobs of pg-boss that sleep ${AI_MS} ms`,
    figures: [
      {
        what: 'previews, from the first submission to the last one done',
        unit: '/s',
        ...compare((p) => p.perSecond),
      },
      {
        what: 'previews, from the first AI call to the last one done',
        unit: '/s',
        ...compare((p) => p.callsPerSecond),
      },
      seconds('the last page read', (pace) => pace.pagesRead),
      seconds('the last call claimed', (pace) => pace.claimed),
      seconds('the last answer stored', (pace) => pace.answered),
      seconds('the last preview done', (pace) => pace.done),
      perPreview('statements', '', (cost) => cost.statements),
      perPreview('transactions', '', (cost) => cost.transactions),
      perPreview('time inside', 'ms', (cost) => cost.executionMs),
      perPreview('log (WAL)', 'KiB', (cost) => cost.walBytes / 1024),
      perPreview('tables and indexes, images too', 'KiB', (cost) => cost.storedBytes / 1024),
    ],
    details: rounds.at(-1)?.cost.top,
  };
}

/** Previews per second: in total, and without the time to read the first pages. */
interface Pace {
  readonly perSecond: number;
  readonly callsPerSecond: number;
  /** Seconds from the first submission until the last one has passed each stage. */
  readonly pagesRead: number;
  readonly claimed: number;
  readonly answered: number;
  readonly done: number;
}

async function readClock({ pool }: StageDatabase): Promise<Date> {
  const { rows } = await pool.query<{ now: Date }>('/* bench */ select clock_timestamp() as now');
  return rows[0]?.now ?? new Date();
}

/** Reads timestamps in the database, so that nothing needs to poll during the measurement. */
async function readPace({ pool }: StageDatabase, since: Date): Promise<Pace> {
  const { rows } = await pool.query<
    Omit<Pace, 'perSecond' | 'callsPerSecond'> & { n: number; first: number }
  >(
    `select count(distinct p.id)::int as n, ${[
      'min(c.claimed_at) - min(p.created_at) as first',
      'max(s.finished_at) - min(p.created_at) as "pagesRead"',
      'max(c.claimed_at) - min(p.created_at) as claimed',
      'max(c.ended_at) - min(p.created_at) as answered',
      'max(p.finished_at) - min(p.created_at) as done',
    ]
      .map((span) => span.replace(/^(.*) as/, 'extract(epoch from $1)::float8 as'))
      .join(', ')}
     from cta.previews p join cta.sources s on s.id = p.source_id join cta.ai_calls c on c.preview_id = p.id
     where p.created_at >= $1`,
    [since],
  );
  const [row] = rows;
  if (row?.n !== PREVIEWS) throw new Error(`${row?.n} previews in place of ${PREVIEWS}`);
  return { ...row, perSecond: PREVIEWS / row.done, callsPerSecond: PREVIEWS / (row.done - row.first) };
}

async function runBareJobs({ url }: StageDatabase): Promise<number> {
  const { code, stdout, stderr } = await runProgram({
    script: fileURLToPath(new URL('support/bare-jobs.ts', import.meta.url)),
    env: {
      DATABASE_URL: url,
      JOBS: String(PREVIEWS),
      CONCURRENCY: String(CONCURRENCY),
      SLEEP_MS: String(AI_MS),
    },
  });
  if (code !== 0) throw new Error(`the bare jobs failed: ${stderr}`);
  const { ms } = JSON.parse(stdout) as { ms: number };
  return (PREVIEWS * 1000) / ms;
}
