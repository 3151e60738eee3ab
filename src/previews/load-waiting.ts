import { loadLimiter } from '../ai-calls/load-limiter.ts';
import { pipelined } from '../lib/pipelined.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';
import { loadCapacity } from '../workers/load-capacity.ts';
import { forecast } from './forecast.ts';
import { loadQueuePositions } from './load-queue-positions.ts';
import type { Waiting } from './waiting.ts';

/**
 * Returns for those previews that are `pending` or `queued` how long they will wait. Runs no query
 * if there are none.
 */
export async function loadWaiting(
  deps: Pick<FeatureDeps, 'orm'>,
  rows: readonly { id: string; status: string }[],
): Promise<Map<string, Waiting>> {
  const queued = rows.filter((row) => row.status === 'queued').map((row) => row.id);
  const pending = rows.filter((row) => row.status === 'pending').map((row) => row.id);
  if (queued.length + pending.length === 0) return new Map();
  const [limiter, workers, positions] = await pipelined(
    () => loadLimiter(deps.orm),
    () => loadCapacity(deps.orm),
    () => loadQueuePositions(deps.orm, { queued, pending }),
  );
  return new Map([...positions].map(([id, position]) => [id, forecast(limiter, workers, position)]));
}
