import { sql } from 'drizzle-orm';
import { findAssetKey } from '../assets/asset.ts';
import type { Overrides } from '../creative/merge-prefill.ts';
import type { Tx } from '../db/client.ts';
import { prepareSql } from '../db/prepare-sql.ts';

/**
 * Records which of our images a person's changes of a preview refer to: these are kept as long as
 * the preview, and no others. The caller must have written the changes in this transaction, so that
 * its row lock is held. Idempotent.
 */
export async function keepAssets(
  tx: Tx,
  preview: { id: string; workspaceId: string },
  { productImageUrl, backgroundImageUrl }: Overrides,
): Promise<void> {
  const keys = [productImageUrl, backgroundImageUrl].flatMap((url) =>
    url === undefined ? [] : (findAssetKey(url) ?? []),
  );
  await record(tx, { previewId: preview.id, workspaceId: preview.workspaceId, keys });
}

const value = sql.placeholder;
const record = prepareSql(
  'keep_assets',
  sql`
    with wanted as (
      -- The new time of use keeps the images from being deleted at the same moment.
      update cta.assets set used_at = clock_timestamp()
      where workspace_id = ${value('workspaceId')} and key = any(${value('keys')}) returning id
    ), dropped as (
      delete from cta.preview_assets
      where preview_id = ${value('previewId')} and asset_id not in (select id from wanted)
    )
    insert into cta.preview_assets (preview_id, asset_id, workspace_id)
    select ${value('previewId')}, id, ${value('workspaceId')} from wanted on conflict do nothing`,
);
