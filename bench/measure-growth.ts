import type { Aim, Figure, Report } from './support/figure.ts';
import { type Filling, fillDatabase } from './support/fill-database.ts';
import { applyLoad, type Target } from './support/load.ts';
import { makeTargets } from './support/make-targets.ts';
import type { BenchOptions } from './support/options.ts';
import { say } from './support/say.ts';
import { type Stage, startRole } from './support/stage.ts';
import type { StageDatabase } from './support/stage-database.ts';
import { compareRounds } from './support/statistics.ts';
import { openWorkbench, type Workbench } from './support/workbench.ts';

const TWICE: Aim = { of: 'ratio', is: 'most', bound: 2 };
const SIZE = 10;
/**
 * Enough for a full page of every list on the small database too: an empty response would be no
 * comparison.
 */
const SMALL: Filling = {
  batches: 200,
  sourcesPerBatch: 1,
  previewsPerSource: SIZE,
  workspaces: 4,
  settledJobs: 0,
  rebuildIndexes: false,
};
const REQUESTS = 150;
const CLAIM_ROUNDS = 10;

/**
 * Compares the same reads and claims on a database with very many previews and on a nearly empty
 * one, alternating between the two.
 */
export async function measureGrowth(stage: Stage, { previews, rounds }: BenchOptions): Promise<Report> {
  const small = await stage.addDatabase();
  await fillDatabase(small, SMALL);
  const large = await stage.addDatabase();
  say(`growth: filling with ${previews} previews`);
  const batches = Math.ceil(previews / SIZE);
  await fillDatabase(large, { ...SMALL, batches, settledJobs: previews / 10, rebuildIndexes: true });
  const size = await readSize(large);
  say(`growth: filled, ${size.toFixed(0)} MiB`);

  const figures: Figure[] = [];
  {
    await using smallApi = await startRole(stage, small, 'api');
    await using largeApi = await startRole(stage, large, 'api');
    const smallReads = await makeReads(small, smallApi.address);
    const largeReads = await makeReads(large, largeApi.address);
    for (const [name, target] of Object.entries(largeReads)) {
      say(`growth: ${name}`);
      const other = smallReads[name];
      if (other) figures.push(await compareReads(name, { target, other, rounds }));
    }
  }
  await using smallBench = await openWorkbench(small);
  await using largeBench = await openWorkbench(large);
  say('growth: claims');
  figures.push(...(await compareWork(largeBench, smallBench)));
  return {
    title: `A database with ${previews} previews (${size.toFixed(0)} MiB) beside one with ${SMALL.batches * SIZE}`,
    figures,
  };
}

/** Returns the measured reads by name. */
async function makeReads(database: StageDatabase, api: string): Promise<Record<string, Target>> {
  const { rest } = makeTargets(database, api, '');
  const { rows } = await database.pool.query<{ id: string; batch_id: string; product_id: string }>(
    `select id, batch_id, product_id from cta.previews where workspace_id = $1 and status = 'done'
     order by created_at, id offset (select count(*) / 2 from cta.previews where workspace_id = $1) limit 1`,
    [database.workspaceId],
  );
  const [row] = rows;
  if (!row) throw new Error('the workspace has no previews');
  const middle = await findMiddle(rest, row.id);
  return {
    'list batches': rest('/batch/'),
    'get a batch': rest(`/batch/${row.batch_id}/`),
    'list previews': rest('/previews/'),
    'list previews from the middle': rest(`/previews/?cursor=${middle}`),
    'list previews of a batch': rest(`/previews/?bulk_task_id=${row.batch_id}`),
    'list previews of a product': rest(`/previews/?product_id=${row.product_id}`),
    'list previews done': rest('/previews/?status=done'),
    'list previews failed': rest('/previews/?status=failed'),
    'list previews failed of a product': rest(`/previews/?status=failed&product_id=${row.product_id}`),
    'list previews queued (none)': rest('/previews/?status=queued'),
    'get a preview': rest(`/previews/${row.id}/`),
  };
}

/** Returns a cursor at a preview, in the format of the API's own cursors. */
async function findMiddle(rest: (path: string) => Target, id: string): Promise<string> {
  const target = rest(`/previews/${id}/`);
  const response = await fetch(target.url, { headers: target.headers ?? {} });
  const preview = (await response.json()) as { created_at: string };
  return Buffer.from(`n.${Date.parse(preview.created_at).toString(36)}.${id}`).toString('base64url');
}

async function compareReads(
  what: string,
  { target, other, rounds }: { target: Target; other: Target; rounds: number },
): Promise<Figure> {
  const results: { value: number; yardstick: number }[] = [];
  for (const side of [target, other]) await applyLoad(side, { connections: 1, amount: REQUESTS });
  for (let round = 0; round < rounds; round += 1) {
    const { p50: yardstick } = await applyLoad(other, { connections: 1, amount: REQUESTS });
    const { p50: value } = await applyLoad(target, { connections: 1, amount: REQUESTS });
    results.push({ value, yardstick });
  }
  return { what: `${what}, p50`, unit: 'ms', ...compareRounds(results), aim: TWICE };
}

/**
 * Measures a worker's statements on both databases, alternating, with the same amount of waiting
 * work.
 */
async function compareWork(large: Workbench, small: Workbench): Promise<Figure[]> {
  const names = ['claim', 'settle', 'sweep', 'create'] as const;
  const rounds: Record<(typeof names)[number], { value: number; yardstick: number }[]> = {
    claim: [],
    settle: [],
    sweep: [],
    create: [],
  };
  for (let round = 0; round <= CLAIM_ROUNDS; round += 1) {
    const yardstick = await small.work();
    const value = await large.work();
    // The first round warms up.
    if (round === 0) continue;
    for (const name of names) rounds[name].push({ value: value[name], yardstick: yardstick[name] });
  }
  const words = {
    create: 'make a batch of 10',
    claim: 'claim 5 previews, 10 calls, limit 100000/h',
    settle: 'store and settle their answers',
    sweep: 'look for work that was left',
  };
  return names.map((name) => ({ what: words[name], unit: 'ms', ...compareRounds(rounds[name]), aim: TWICE }));
}

async function readSize({ pool }: StageDatabase): Promise<number> {
  const { rows } = await pool.query<{ size: string }>('select pg_database_size(current_database()) as size');
  return Number(rows[0]?.size) / 1024 / 1024;
}
