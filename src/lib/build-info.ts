import { z } from 'zod';
import { findPackageFile, readPackageFile } from './single-executable.ts';

/** The version of this program and how it was built. */
export interface BuildInfo {
  readonly version: string;
  /** The git commit, with `-dirty` if files were changed; null if unknown. */
  readonly commit: string | null;
  /** The date of the commit, so that the same sources have the same date; null if unknown. */
  readonly date: string | null;
  /** For example `v24.21.0`. */
  readonly node: string;
}

const packageSchema = z.object({ version: z.string() });
/** The contents of `build.json`, which the build of the single executable writes. */
const buildSchema = z.object({
  commit: z.string().nullable().default(null),
  date: z.string().nullable().default(null),
});
export type BuildFile = z.output<typeof buildSchema>;

/** Reads the package's own `package.json`, and `build.json` if it exists. */
export function readBuildInfo(): BuildInfo {
  const { version } = packageSchema.parse(JSON.parse(readPackageFile('package.json')));
  const build = buildSchema.parse(JSON.parse(findPackageFile('build.json') ?? '{}'));
  return { version, ...build, node: process.version };
}
