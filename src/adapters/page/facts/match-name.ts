/**
 * Returns a function that tests whether a text names the same thing as one of `titles`: the longer
 * text must contain most words of the shorter one, so a shop's name or an additional color does not
 * matter. A single word must be equal.
 */
export function makeNameMatcher(titles: readonly string[]): (name: string) => boolean {
  const known = titles.map(wordsOf);
  return (name) => {
    const words = wordsOf(name);
    return known.some((title) => (words.size < title.size ? isWithin(words, title) : isWithin(title, words)));
  };
}

function isWithin(few: ReadonlySet<string>, many: ReadonlySet<string>): boolean {
  if (few.size === 0) return false;
  const shared = [...few].filter((word) => many.has(word)).length;
  if (few.size === 1) return shared === 1 && many.size === 1;
  return shared / few.size >= 0.75 && shared / many.size >= 0.3;
}

function wordsOf(text: string): Set<string> {
  return new Set(
    text
      .slice(0, 500)
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? [],
  );
}
