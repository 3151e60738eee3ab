import type { Report } from './support/figure.ts';
import { openServers } from './support/open-servers.ts';
import type { BenchOptions } from './support/options.ts';
import { type Race, raceApis, sumUp } from './support/race-apis.ts';
import type { Stage } from './support/stage.ts';

const REST = { of: 'ratio', is: 'least', bound: 0.5 } as const;
const TRPC = { of: 'ratio', is: 'least', bound: 0.25 } as const;

/** Measures reads over REST and tRPC against a bare Fastify route with one hand-written query. */
export async function measureReads(stage: Stage, { rounds, seconds }: BenchOptions): Promise<Report> {
  await using open = await openServers(stage, { batches: 100, sourcesPerBatch: 5 });
  const { database, targets } = open;
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
      yardstick: targets.bare(yardstick),
      apis: [
        { api: 'REST', target: targets.rest(rest), aim: REST },
        { api: 'tRPC', target: targets.trpc(...trpc), aim: TRPC },
      ],
    };
  }

  const figures = await raceApis(races, { title: 'reads', rounds, length: { seconds } });
  const figuresOf = (name: string) => figures.filter(({ what }) => what.includes(name));
  figures.push(sumUp('all, REST', figuresOf('REST'), REST), sumUp('all, tRPC', figuresOf('tRPC'), TRPC));
  return {
    title: 'Reads beside a bare Fastify route with one hand-written query; p50 and p99 as ratios',
    figures,
  };
}
