import { sql } from 'drizzle-orm';
import { prepareSql } from '../db/prepare-sql.ts';
import { createId } from '../lib/ids.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';
import type { ProductImage, RankingMethod } from './product.ts';
import { storeImages } from './record-product.ts';

/**
 * Stores more images of a source's product, for a person to choose from; the first has the rank
 * `firstRank`. Does nothing if the source or its product was deleted. Idempotent.
 */
export async function addImages(
  deps: FeatureDeps,
  source: { sourceId: string; workspaceId: string },
  options: { images: readonly ProductImage[]; firstRank: number; ranking: RankingMethod },
): Promise<void> {
  const { sourceId, workspaceId } = source;
  if (options.images.length === 0) return;
  const stored = await storeImages(deps, workspaceId, options.images);
  const rows = stored.map((image, i) => ({
    id: createId(),
    asset_id: image.assetId,
    url: image.url,
    alt: image.alt,
    rank: options.firstRank + i,
    score: image.score,
    palette: image.palette,
  }));
  await insert(deps.orm, { sourceId, workspaceId, rows: JSON.stringify(rows), ...options.ranking });
}

const value = sql.placeholder;
const insert = prepareSql(
  'add_images',
  sql`
    insert into cta.product_images (id, workspace_id, product_id, asset_id, url, alt, rank, score, palette, method, model)
    select i.id, s.workspace_id, s.product_id, i.asset_id, i.url, i.alt, i.rank, i.score, i.palette, ${value('method')}, ${value('model')}
    from cta.sources s, jsonb_to_recordset(${value('rows')}::jsonb)
      as i (id uuid, asset_id uuid, url text, alt text, rank int, score real, palette jsonb)
    where s.id = ${value('sourceId')} and s.workspace_id = ${value('workspaceId')} and s.product_id is not null
    -- In the same order as in record_product: otherwise the two statements could deadlock.
    order by i.asset_id
    on conflict (product_id, asset_id) do nothing`,
);
