import { eq, sql } from 'drizzle-orm';
import { prepareOnce } from '../db/client.ts';
import { assets } from '../db/schema/assets.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';

const byKey = prepareOnce((orm) =>
  orm
    .select({ bytes: assets.bytes, contentType: assets.contentType })
    .from(assets)
    .where(eq(assets.key, sql.placeholder('key')))
    .prepare('find_asset'),
);

// PostgreSQL knows the length without reading the bytes, which it stores apart from the row.
const factsByKey = prepareOnce((orm) =>
  orm
    .select({ contentType: assets.contentType, size: sql<number>`octet_length(${assets.bytes})` })
    .from(assets)
    .where(eq(assets.key, sql.placeholder('key')))
    .prepare('find_asset_facts'),
);

/** Returns the image of an unguessable key; anyone with the key may read it. */
export async function findAsset(
  deps: Pick<FeatureDeps, 'orm'>,
  key: string,
): Promise<{ bytes: Buffer; contentType: string } | undefined> {
  const [row] = await byKey(deps.orm).execute({ key });
  return row;
}

/** Returns facts of the image without reading it; `size` is in bytes. */
export async function findAssetFacts(
  deps: Pick<FeatureDeps, 'orm'>,
  key: string,
): Promise<{ contentType: string; size: number } | undefined> {
  const [row] = await factsByKey(deps.orm).execute({ key });
  return row;
}
