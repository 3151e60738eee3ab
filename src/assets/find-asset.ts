import { eq, sql } from 'drizzle-orm';
import { type Orm, prepareOnce } from '../db/client.ts';
import { assets } from '../db/schema/assets.ts';

const byKey = prepareOnce((orm) =>
  orm
    .select({ bytes: assets.bytes, contentType: assets.contentType })
    .from(assets)
    .where(eq(assets.key, sql.placeholder('key')))
    .prepare('find_asset'),
);

/** The picture behind an unguessable key, for anyone who has it. */
export async function findAsset(
  deps: { orm: Orm },
  key: string,
): Promise<{ bytes: Buffer; contentType: string } | undefined> {
  const [row] = await byKey(deps.orm).execute({ key });
  return row;
}
