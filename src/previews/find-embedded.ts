import { timingSafeEqual } from 'node:crypto';
import { eq, sql } from 'drizzle-orm';
import { mergePrefill } from '../creative/merge-prefill.ts';
import type { Prefill } from '../creative/prefill.ts';
import { prepareOnce } from '../db/client.ts';
import { previews } from '../db/schema/previews.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';
import { makeEmbedKey, readEmbedKey } from './embed-key.ts';

const byId = prepareOnce((orm) =>
  orm
    .select({
      id: previews.id,
      embedSecret: previews.embedSecret,
      embedRevokedAt: previews.embedRevokedAt,
      generated: previews.generated,
      overrides: previews.overrides,
    })
    .from(previews)
    .where(eq(previews.id, sql.placeholder('id')))
    .prepare('find_embedded'),
);

/**
 * Returns the prefill for the unguessable key of a preview's page. Anyone with the key may read it,
 * so the workspace is not checked. Addresses are as stored. Returns undefined for a wrong or
 * revoked key, and for a preview that has never been done.
 */
export async function findEmbedded(
  deps: Pick<FeatureDeps, 'orm'>,
  key: string,
): Promise<Prefill | undefined> {
  const id = readEmbedKey(key);
  const [row] = id === undefined ? [] : await byId(deps.orm).execute({ id });
  if (!row || !isSame(makeEmbedKey(row), key) || row.embedRevokedAt || !row.generated) return undefined;
  return mergePrefill(row.generated, row.overrides);
}

/** Compares in a time that does not depend on how much of the key is right. */
function isSame(right: string, given: string): boolean {
  const [a, b] = [Buffer.from(right), Buffer.from(given)];
  return a.length === b.length && timingSafeEqual(a, b);
}
