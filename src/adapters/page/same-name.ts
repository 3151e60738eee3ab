/**
 * Whether two texts name the same product: most words of the shorter are in the longer, so that a shop's name or
 * a colour more makes no difference. A single word says too little unless the texts are equal.
 */
export function isSameName(one: string, other: string): boolean {
  const [few, many] = [wordsOf(one), wordsOf(other)].sort((a, b) => a.size - b.size) as [
    Set<string>,
    Set<string>,
  ];
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
