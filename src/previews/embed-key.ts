import { sql } from 'drizzle-orm';
import { isId } from '../lib/ids.ts';

const ID_LENGTH = 36;

/** 244 random bits, made by the database. */
export const NEW_EMBED_SECRET = sql`replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '')`;

/**
 * The key of a preview's page: its id, by which the row is found, and its secret, which makes it unguessable. Written out, as
 * it is made for every preview that is shown.
 */
export function makeEmbedKey({ id, embedSecret }: { id: string; embedSecret: string }): string {
  return `${id}.${embedSecret}`;
}

/** The id that a key names; undefined if it cannot be a key. */
export function readEmbedKey(key: string): string | undefined {
  const id = key.slice(0, ID_LENGTH);
  return key[ID_LENGTH] === '.' && isId(id) ? id : undefined;
}
