import { sql } from 'drizzle-orm';
import { isId } from '../lib/ids.ts';

const ID_LENGTH = 36;

/** 244 random bits, made by the database. */
export const NEW_EMBED_SECRET = sql`replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '')`;

/**
 * Makes the key of a preview's page: the id, to find the row, and the secret, which makes the key
 * unguessable. A plain template, as it runs for every preview that is returned.
 */
export function makeEmbedKey({ id, embedSecret }: { id: string; embedSecret: string }): string {
  return `${id}.${embedSecret}`;
}

/** Returns the id in a key; undefined if the text cannot be a key. */
export function readEmbedKey(key: string): string | undefined {
  const id = key.slice(0, ID_LENGTH);
  return key[ID_LENGTH] === '.' && isId(id) ? id : undefined;
}
