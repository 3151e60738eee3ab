import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const SPECIFIER = /\b(?:from\s*|import\s*\(\s*|import\s+)['"]([^'"]+)['"]/g;

/**
 * Returns the declaration files that `entry` needs: itself and its direct and indirect imports, as
 * paths below `folder`.
 *
 * @throws Error if one of them imports a package that is not in `packages`, because users of the
 * client do not have it.
 */
export function findDeclarations(
  folder: string,
  { entry, packages }: { entry: string; packages: readonly string[] },
): string[] {
  const found = new Set([entry]);
  for (const path of found) {
    for (const [, specifier = ''] of readFileSync(join(folder, path), 'utf8').matchAll(SPECIFIER)) {
      if (specifier.startsWith('.')) found.add(join(path, '..', specifier).replace(/\.ts$/, '.d.ts'));
      else if (!packages.some((name) => specifier === name || specifier.startsWith(`${name}/`))) {
        throw new Error(`${path} imports ${specifier}, which users of the client do not have.`);
      }
    }
  }
  return [...found];
}
