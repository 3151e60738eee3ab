import { poll } from '../../test/support/poll.ts';
import type { StageDatabase } from './stage-database.ts';

/** A source in the format of the REST API. */
export interface Source {
  readonly url: string;
  readonly batch_size: number;
}

/** Creates a batch over REST and returns its id. */
export async function postBatch(
  api: string,
  { token }: StageDatabase,
  sources: readonly Source[],
): Promise<string> {
  const response = await fetch(`${api}/api/llm-editor/cta/batch/`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ sources }),
  });
  if (response.status !== 201) throw new Error(`a batch was not taken: ${await response.text()}`);
  return ((await response.json()) as { id: string }).id;
}

/**
 * Resolves when all batches are finished. Polls the database, so that the API has no extra load.
 * Throws if a preview is not done.
 */
export async function waitUntilFinished({ pool }: StageDatabase, everyMs = 50): Promise<void> {
  await poll(
    async () => {
      const { rows } = await pool.query<{ n: number }>(
        '/* bench */ select count(*)::int as n from cta.batches where finished_at is null',
      );
      return rows[0]?.n;
    },
    (unfinished) => unfinished === 0,
    { everyMs, timeoutMs: 180_000 },
  );
  const { rows } = await pool.query<{ n: number }>(
    `/* bench */ select count(*)::int as n from cta.previews where status <> 'done'`,
  );
  if (rows[0]?.n !== 0) throw new Error(`${rows[0]?.n} previews are not done`);
}
