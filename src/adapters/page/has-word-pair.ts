/** Two parts of a name, and the order in which they stand. */
export type WordPair = readonly [first: RegExp, second: RegExp];

/**
 * Whether one of the names, which are words with hyphens, has the first part of a pair and somewhere behind it the second.
 * In two steps: as one pattern (`product[\w-]*image`) it takes quadratic time for a name that repeats the first part.
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
