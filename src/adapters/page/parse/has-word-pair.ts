/** Two parts of a name, in order. */
export type WordPair = readonly [first: RegExp, second: RegExp];

/**
 * Whether one of the names (words with hyphens) has the first part of a pair and, after it, the
 * second. Uses two patterns: a single one (`product[\w-]*image`) takes quadratic time for a name
 * that repeats the first part.
 */
export function hasWordPair(names: string, pairs: readonly WordPair[]): boolean {
  if (!pairs.some(([first, second]) => first.test(names) && second.test(names))) return false;
  return (names.match(/[\w-]+/g) ?? []).some((name) =>
    pairs.some(([first, second]) => {
      const found = first.exec(name);
      return found !== null && second.test(name.slice(found.index + found[0].length));
    }),
  );
}
