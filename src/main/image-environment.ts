import { isSingleExecutable } from '../lib/single-executable.ts';

/** Variables that decide where the single executable unpacks its native libraries. */
const PLACES = ['HOME', 'XDG_CACHE_HOME', 'CTA_BATCH_CACHE', 'TMPDIR'];

/** Returns the minimal environment of the processes that decode images. */
export function pickImageEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const picked: Record<string, string> = { MALLOC_ARENA_MAX: '2' };
  if (!isSingleExecutable()) return picked;
  for (const name of PLACES) {
    const value = environment[name];
    if (value !== undefined) picked[name] = value;
  }
  return picked;
}
