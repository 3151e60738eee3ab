import { isAbsolute, join } from 'node:path';

/** What decides where the native libraries go. */
interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Of the system. */
  readonly temporaryFolder: string;
  readonly userId: number;
}

/**
 * Where the native libraries may be kept, the best first: CTA_BATCH_CACHE and nowhere else, if it is set; the user's cache as the XDG
 * specification has it; the system's temporary folder, for a user without a home or with one that cannot be written.
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
