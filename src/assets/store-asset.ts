import { sql } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import { assets } from '../db/schema/assets.ts';
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
  const [row] = await tx
    .insert(assets)
    .values({
      id: createId(),
      workspaceId,
      key: createSecret(),
      sha256: sha256(asset.bytes),
      contentType: asset.contentType,
      width: asset.width,
      height: asset.height,
      bytes: asset.bytes,
    })
    // Of no key column, so that those who only refer to the row need not wait.
    .onConflictDoUpdate({
      target: [assets.workspaceId, assets.sha256],
      set: { usedAt: sql`clock_timestamp()` },
    })
    .returning({ id: assets.id, key: assets.key });
  if (!row) throw new Error('an insert answered no row');
  return row;
}
