import { readFile } from 'node:fs/promises';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';

/** A strict project of somebody who uses the client, and who has its declarations checked too. */
export const STRICT_COMPILER_OPTIONS = {
  target: 'es2023',
  // tRPC's own declarations need the last two.
  lib: ['es2023', 'dom', 'dom.iterable', 'dom.asynciterable', 'esnext.disposable'],
  types: [],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
  noEmit: true,
};

/**
 * What publint says about the manifest in `folder`, and arethetypeswrong about the types in
 * `tarball`.
 */
export async function findPackageProblems(folder: string, tarball: string) {
  const { messages } = await publint({ pkgDir: folder, pack: false, level: 'suggestion', strict: true });
  const checked = await checkPackage(createPackageFromTarballData(await readFile(tarball)));
  if (!('problems' in checked)) throw new Error('the package has no types');
  return { messages, problems: checked.problems };
}
