import { createHash, randomBytes } from 'node:crypto';
import { v7, validate } from 'uuid';

/** A new UUIDv7 (RFC 9562). Ids made one after another in a process sort in that order. */
export function createId(): string {
  return v7();
}

/** Whether it is a UUID in text form: anything else cannot be the id of a row. */
export function isId(value: string): boolean {
  return validate(value);
}

/** A secret of 192 random bits, safe in an address: asset keys, tokens. */
export function createSecret(): string {
  return randomBytes(24).toString('base64url');
}

/** SHA-256. Enough for tokens too: they are random, so there is nothing to guess from. */
export function sha256(data: string | Buffer): Buffer {
  return createHash('sha256').update(data).digest();
}
