import { createHash, randomBytes } from 'node:crypto';
import { v7, validate } from 'uuid';

/**
 * Returns a new UUIDv7 (RFC 9562). Ids that a process creates sort in the order of their creation.
 */
export function createId(): string {
  return v7();
}

/** Returns whether a text is a UUID; anything else cannot be the id of a row. */
export function isId(value: string): boolean {
  return validate(value);
}

/** Returns a secret of 192 random bits, safe in a URL. Used for asset keys and tokens. */
export function createSecret(): string {
  return randomBytes(24).toString('base64url');
}

/**
 * Returns the SHA-256 hash. It is sufficient for tokens too: they are random, so a slow hash is not
 * needed against guessing.
 */
export function sha256(data: string | Buffer): Buffer {
  return createHash('sha256').update(data).digest();
}
