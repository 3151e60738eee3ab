import { findPackageFile, readPackageFile } from '../lib/single-executable.ts';

/** What the build of the single executable writes down about itself, as `build.json`. */
export interface BuildInfo {
  /** Of git, with `-dirty` if files were changed; null where there is none. */
  readonly commit: string | null;
  /** Of the commit, so that the same sources say the same; null where it is not known. */
  readonly date: string | null;
}

/** `0.1.0`, in the single executable `0.1.0 (commit 1a2b3c4, 2026-11-28T12:00:00Z, Node.js 24.21.0)`. */
export function describeVersion(): string {
  const { version } = JSON.parse(readPackageFile('package.json')) as { version: string };
  const build = findPackageFile('build.json');
  if (build === undefined) return version;
  const { commit, date } = JSON.parse(build) as BuildInfo;
  const known = [commit && `commit ${commit}`, date, `Node.js ${process.versions.node}`];
  return `${version} (${known.filter(Boolean).join(', ')})`;
}
