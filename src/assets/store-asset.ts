import { type SQL, sql } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import { createId, createSecret, sha256 } from '../lib/ids.ts';

/** A picture to keep. */
export interface NewAsset {
  readonly bytes: Buffer;
  readonly contentType: string;
  readonly width: number;
  readonly height: number;
}

/** Keeps a picture, once per workspace and content. Answers the same asset when it is there already. */
export async function storeAsset(
  tx: Tx,
  workspaceId: string,
  asset: NewAsset,
): Promise<{ id: string; key: string }> {
  const { rows } = await tx.execute<{ id: string; key: string }>(insertAsset(workspaceId, asset));
  const [row] = rows;
  if (!row) throw new Error('an insert answered no row');
  return row;
}

/** The same as a part of a statement; with `ifAny`, only if that has a row. Answers a row with `id` and `key`. */
export function insertAsset(workspaceId: string, asset: NewAsset, { ifAny }: { ifAny?: SQL } = {}): SQL {
  const { bytes, contentType, width, height } = asset;
  return sql`
    insert into cta.assets (id, workspace_id, key, sha256, content_type, width, height, bytes)
    select ${createId()}::uuid, ${workspaceId}::uuid, ${createSecret()}, ${sha256(bytes)}::bytea, ${contentType},
      ${width}::int, ${height}::int, ${bytes}::bytea
    ${ifAny ? sql`where exists (select 1 from ${ifAny})` : sql``}
    -- Of no key column, so that those who only refer to the row need not wait.
    on conflict (workspace_id, sha256) do update set used_at = clock_timestamp()
    returning id, key`;
}
