import { readBuildInfo } from '../lib/build-info.ts';
import { isSingleExecutable } from '../lib/single-executable.ts';

/**
 * Returns `0.1.0`, or in the single executable `0.1.0 (commit 1a2b3c4, 2026-11-28T12:00:00Z,
 * Node.js 24.21.0)`.
 */
export function describeVersion(): string {
  const { version, commit, date, node } = readBuildInfo();
  if (!isSingleExecutable()) return version;
  const known = [commit && `commit ${commit}`, date, `Node.js ${node.slice(1)}`];
  return `${version} (${known.filter(Boolean).join(', ')})`;
}
