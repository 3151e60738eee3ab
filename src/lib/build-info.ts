import { readFileSync } from 'node:fs';
import { getAsset, isSea } from 'node:sea';
import { z } from 'zod';

/** What this program is. */
export interface BuildInfo {
  readonly version: string;
  /** Of git; null where it is not known. */
  readonly commit: string | null;
  /** `v24.21.0` */
  readonly node: string;
}

const ROOT = new URL('../../', import.meta.url);

const packageSchema = z.object({ version: z.string() });
/** Beside the package, where it was built by something that knows of git. */
const buildSchema = z.object({ commit: z.string().nullable().default(null) });

/** From the package's own `package.json`, and `build.json` if there is one; in a single executable from the same files inside it. */
export function readBuildInfo(): BuildInfo {
  const { version } = packageSchema.parse(JSON.parse(read('package.json') ?? '{}'));
  const { commit } = buildSchema.parse(JSON.parse(read('build.json') ?? '{}'));
  return { version, commit, node: process.version };
}

function read(file: string): string | undefined {
  try {
    return isSea() ? getAsset(file, 'utf8') : readFileSync(new URL(file, ROOT), 'utf8');
  } catch {
    return undefined;
  }
}
