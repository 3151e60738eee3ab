import { type SQL, sql } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import { prepareSql } from '../db/prepare-sql.ts';
import { createId, createSecret, sha256 } from '../lib/ids.ts';

/** An image to store. */
export interface NewAsset {
  readonly bytes: Buffer;
  readonly contentType: string;
  readonly width: number;
  readonly height: number;
}

/** Stores an image once per workspace and content. Returns the existing asset if there is one. */
export async function storeAsset(
  tx: Tx,
  workspaceId: string,
  asset: NewAsset,
): Promise<{ id: string; key: string }> {
  const [row] = await store(tx, assetValues(workspaceId, asset));
  if (!row) throw new Error('an insert returned no row');
  return row;
}

/**
 * The same as a part of a prepared statement, whose values `assetValues` makes; returns a row with
 * `id` and `key`. With `ifAny`, stores the image only if that query has a row.
 */
export function insertAsset({ ifAny }: { ifAny?: SQL } = {}): SQL {
  const value = (name: keyof ReturnType<typeof assetValues>) => sql.placeholder(name);
  return sql`
    insert into cta.assets (id, workspace_id, key, sha256, content_type, width, height, bytes)
    select ${value('assetId')}::uuid, ${value('workspaceId')}::uuid, ${value('key')}, ${value('hash')}::bytea,
      ${value('contentType')}, ${value('width')}::int, ${value('height')}::int, ${value('bytes')}::bytea
    ${ifAny ? sql`where exists (select 1 from ${ifAny})` : sql``}
    -- Changes no key column, so that inserts that refer to the row do not wait for this lock.
    on conflict (workspace_id, sha256) do update set used_at = clock_timestamp()
    returning id, key`;
}

/** Returns the values for `insertAsset`. */
export function assetValues(workspaceId: string, { bytes, contentType, width, height }: NewAsset) {
  return {
    assetId: createId(),
    workspaceId,
    key: createSecret(),
    hash: sha256(bytes),
    contentType,
    width,
    height,
    bytes,
  };
}

const store = prepareSql<{ id: string; key: string }>('store_asset', insertAsset());
