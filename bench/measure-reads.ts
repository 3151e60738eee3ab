import { makeDoors } from './support/doors.ts';
import type { Figure, Report } from './support/figure.ts';
import { fillDatabase } from './support/fill-database.ts';
import { type BenchOptions, CONNECTIONS } from './support/options.ts';
import { type Race, raceDoors, sumUp, warmUp } from './support/race-doors.ts';
import { say } from './support/say.ts';
import { type Stage, startBareServer, startRole } from './support/stage.ts';

const REST = { of: 'ratio', is: 'least', bound: 0.5 } as const;
const TRPC = { of: 'ratio', is: 'least', bound: 0.25 } as const;

/** Reads through both doors beside a bare Fastify route with one hand-written query. */
export async function measureReads(stage: Stage, { rounds, seconds }: BenchOptions): Promise<Report> {
  const database = await stage.addDatabase();
  await fillDatabase(database, {
    batches: 100,
    sourcesPerBatch: 5,
    previewsPerSource: 10,
    workspaces: 1,
    settledJobs: 0,
    rebuildIndexes: false,
  });
  await using api = await startRole(stage, database, 'api');
  await using bare = await startBareServer(database);
  const doors = makeDoors(database, api.address, bare.address);
  const { rows } = await database.pool.query(
    'select id, batch_id from cta.previews order by created_at, id limit 1',
  );
  const { id, batch_id: batchId } = rows[0] as { id: string; batch_id: string };
  const races: Race[] = [
    makeRace('list 20 batches', '/batch/', ['batch.list', { pageSize: 20 }], '/batches'),
    makeRace('get a batch', `/batch/${batchId}/`, ['batch.get', { id: batchId }], `/batches/${batchId}`),
    makeRace('list 20 previews', '/previews/', ['previews.list', { pageSize: 20 }], '/previews'),
    makeRace('get a preview', `/previews/${id}/`, ['previews.get', { id }], `/previews/${id}`),
  ];
  function makeRace(name: string, rest: string, trpc: [string, unknown], yardstick: string): Race {
    return {
      name,
      yardstick: doors.bare(yardstick),
      doors: [
        { door: 'REST', target: doors.rest(rest), aim: REST },
        { door: 'tRPC', target: doors.trpc(...trpc), aim: TRPC },
      ],
    };
  }

  const figures: Figure[] = [];
  for (const race of races) {
    await warmUp([race.yardstick, ...race.doors.map(({ target }) => target)]);
    for (const connections of CONNECTIONS) {
      say(`reads: ${race.name}, ${connections}`);
      figures.push(...(await raceDoors(race, { connections, rounds, length: { seconds } })));
    }
  }
  const door = (name: string) => figures.filter(({ what }) => what.includes(name));
  figures.push(sumUp('all, REST', door('REST'), REST), sumUp('all, tRPC', door('tRPC'), TRPC));
  return {
    title: 'Reads beside a bare Fastify route with one hand-written query; p50 and p99 as ratios',
    figures,
  };
}
