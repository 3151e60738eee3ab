import { sql } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import { prepareSql } from '../db/prepare-sql.ts';
import { findAssetKey } from './asset.ts';

/**
 * Records which of our images a person's changes of a preview refer to, by their paths: these are
 * kept as long as the preview, and no others. Other addresses are ignored. The caller must have
 * written the changes in this transaction, so that the row of the preview is locked. Idempotent.
 */
export async function keepAssets(
  tx: Tx,
  preview: { previewId: string; workspaceId: string },
  paths: readonly (string | undefined)[],
): Promise<void> {
  const keys = paths.flatMap((path) => (path === undefined ? [] : (findAssetKey(path) ?? [])));
  await record(tx, { ...preview, keys });
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
