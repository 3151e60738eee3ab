/**
 * Returns a name without punctuation, spaces and capitals for comparing: "A-B Shop" and "ab shop"
 * are equal.
 */
export function foldName(name: string): string {
  return name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');
}
