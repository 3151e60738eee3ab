import type { Report } from './support/figure.ts';
import type { Target } from './support/load.ts';
import { openServers } from './support/open-servers.ts';
import type { BenchOptions } from './support/options.ts';
import { type Race, raceApis } from './support/race-apis.ts';
import type { Stage } from './support/stage.ts';

/** Writes per target and round: a fixed number, because each write leaves rows behind. */
const AMOUNT = 200;

/**
 * Measures writes over REST and tRPC against a bare Fastify route with one hand-written statement.
 * No worker runs.
 */
export async function measureWrites(stage: Stage, { rounds }: BenchOptions): Promise<Report> {
  await using open = await openServers(stage, { batches: 50, sourcesPerBatch: 1 });
  const { database, targets } = open;
  const { rows } = await database.pool.query<{ id: string }>(
    `select id from cta.previews where status = 'done'`,
  );
  // Each request uses another preview and another text: the same one again would change nothing, or
  // conflict.
  const idOf = (n: number): string => rows[n % rows.length]?.id ?? '';
  const prefill = (n: number) => ({ headline: `Only this week ${n} ${performance.now()}` });
  const patchAt = (target: Target, path: (n: number) => string): Target => ({
    ...target,
    method: 'PATCH',
    path,
    body: (n) => ({ prefill: prefill(n) }),
  });
  const sources = [{ url: stage.shop.productUrl('red-shoe') }];
  const create = (target: Target): Target => ({ ...target, method: 'POST', body: () => ({ sources }) });
  const races: Race[] = [
    {
      name: 'change a preview',
      yardstick: patchAt(targets.bare(''), (n) => `/${database.workspaceId}/previews/${idOf(n)}`),
      apis: [
        {
          api: 'REST',
          target: patchAt(targets.rest(''), (n) => `/api/llm-editor/cta/previews/${idOf(n)}/`),
        },
        {
          api: 'tRPC',
          target: {
            ...targets.trpcMutation('previews.patch'),
            body: (n) => ({ json: { id: idOf(n), prefill: prefill(n) } }),
          },
        },
      ],
    },
    {
      name: 'make a batch of one',
      yardstick: create(targets.bare('/batches')),
      apis: [
        { api: 'REST', target: create(targets.rest('/batch/')) },
        {
          api: 'tRPC',
          target: { ...targets.trpcMutation('batch.create'), body: () => ({ json: { sources } }) },
        },
      ],
    },
  ];
  return {
    title: 'Writes beside a bare Fastify route with one hand-written statement; p50 and p99 as ratios',
    figures: await raceApis(races, { title: 'writes', rounds, length: { amount: AMOUNT } }),
  };
}
