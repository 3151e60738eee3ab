import { readFile } from 'node:fs/promises';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';

/** A strict project that uses the client and checks its declarations too. */
export const STRICT_COMPILER_OPTIONS = {
  target: 'es2023',
  // tRPC's declarations need the last two.
  lib: ['es2023', 'dom', 'dom.iterable', 'dom.asynciterable', 'esnext.disposable'],
  types: [],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
  noEmit: true,
};

/**
 * Returns the problems that publint finds in the manifest in `folder`, and those that
 * arethetypeswrong finds in the types in `tarball`.
 */
export async function findPackageProblems(folder: string, tarball: string) {
  const { messages } = await publint({ pkgDir: folder, pack: false, level: 'suggestion', strict: true });
  const checked = await checkPackage(createPackageFromTarballData(await readFile(tarball)));
  if (!('problems' in checked)) throw new Error('the package has no types');
  return { messages, problems: checked.problems };
}
