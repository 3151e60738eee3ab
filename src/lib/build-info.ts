import { z } from 'zod';
import { findPackageFile, readPackageFile } from './single-executable.ts';

/** What this program is. */
export interface BuildInfo {
  readonly version: string;
  /** Of git, with `-dirty` if files were changed; null where it is not known. */
  readonly commit: string | null;
  /** Of the commit, so that the same sources say the same; null where it is not known. */
  readonly date: string | null;
  /** `v24.21.0` */
  readonly node: string;
}

const packageSchema = z.object({ version: z.string() });
/** What the build of the single executable writes down about itself. */
const buildSchema = z.object({
  commit: z.string().nullable().default(null),
  date: z.string().nullable().default(null),
});
export type BuildFile = z.output<typeof buildSchema>;

/** From the package's own `package.json`, and `build.json` if there is one. */
export function readBuildInfo(): BuildInfo {
  const { version } = packageSchema.parse(JSON.parse(readPackageFile('package.json')));
  const build = buildSchema.parse(JSON.parse(findPackageFile('build.json') ?? '{}'));
  return { version, ...build, node: process.version };
}
