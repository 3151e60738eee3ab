import { isSingleExecutable } from '../lib/single-executable.ts';

/** Where the single executable unpacks its native libraries. */
const PLACES = ['HOME', 'XDG_CACHE_HOME', 'CTA_BATCH_CACHE', 'TMPDIR'];

/** What the processes that decode images are told of the environment: nothing that they can do without. */
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
