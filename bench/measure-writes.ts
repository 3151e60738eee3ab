import type { Report } from './support/figure.ts';
import type { Target } from './support/load.ts';
import { openDoors } from './support/open-doors.ts';
import type { BenchOptions } from './support/options.ts';
import { type Race, raceDoors } from './support/race-doors.ts';
import type { Stage } from './support/stage.ts';

/** Writes per target and round: a fixed number, because each write leaves rows behind. */
const AMOUNT = 200;

/**
 * Measures writes over REST and tRPC against a bare Fastify route with one hand-written statement.
 * No worker runs.
 */
export async function measureWrites(stage: Stage, { rounds }: BenchOptions): Promise<Report> {
  await using open = await openDoors(stage, { batches: 50, sourcesPerBatch: 1 });
  const { database, doors } = open;
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
      yardstick: patchAt(doors.bare(''), (n) => `/${database.workspaceId}/previews/${idOf(n)}`),
      doors: [
        {
          door: 'REST',
          target: patchAt(doors.rest(''), (n) => `/api/llm-editor/cta/previews/${idOf(n)}/`),
        },
        {
          door: 'tRPC',
          target: {
            ...doors.trpcMutation('previews.patch'),
            body: (n) => ({ json: { id: idOf(n), prefill: prefill(n) } }),
          },
        },
      ],
    },
    {
      name: 'make a batch of one',
      yardstick: create(doors.bare('/batches')),
      doors: [
        { door: 'REST', target: create(doors.rest('/batch/')) },
        {
          door: 'tRPC',
          target: { ...doors.trpcMutation('batch.create'), body: () => ({ json: { sources } }) },
        },
      ],
    },
  ];
  return {
    title: 'Writes beside a bare Fastify route with one hand-written statement; p50 and p99 as ratios',
    figures: await raceDoors(races, { title: 'writes', rounds, length: { amount: AMOUNT } }),
  };
}
