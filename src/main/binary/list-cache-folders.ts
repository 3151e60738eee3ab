import { isAbsolute, join } from 'node:path';

/** The parts of the environment that decide where native libraries are unpacked. */
interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The system's folder for temporary files. */
  readonly temporaryFolder: string;
  readonly userId: number;
}

/**
 * Returns the folders in which native libraries may be unpacked, best first: only CTA_BATCH_CACHE
 * if it is set; otherwise the user's cache (XDG Base Directory Specification), then the system's
 * temporary folder, for a user without a home or with one that cannot be written.
 */
export function listCacheFolders({ env, temporaryFolder, userId }: Surroundings): string[] {
  if (env.CTA_BATCH_CACHE) return [env.CTA_BATCH_CACHE];
  const folders: string[] = [];
  if (env.XDG_CACHE_HOME && isAbsolute(env.XDG_CACHE_HOME))
    folders.push(join(env.XDG_CACHE_HOME, 'cta-batch'));
  else if (env.HOME && isAbsolute(env.HOME)) folders.push(join(env.HOME, '.cache/cta-batch'));
  folders.push(join(temporaryFolder, `cta-batch-${userId}`));
  return folders;
}
