import { enableCompileCache, flushCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

/** Beside the packages whose code it holds, where nobody else can write: a folder in /tmp could be another user's. */
const FOLDER = fileURLToPath(new URL('../../node_modules/.cache/cta-batch', import.meta.url));

/**
 * Has Node.js keep what it compiles (and strips of types): the next start takes three quarters of the time. Where the folder
 * cannot be written, nothing is kept.
 */
export function keepCompiled(): void {
  enableCompileCache(FOLDER);
}

/** Writes what was compiled since the start. Node.js does that at the end, which a killed process does not have. */
export function writeCompiled(): void {
  flushCompileCache();
}
