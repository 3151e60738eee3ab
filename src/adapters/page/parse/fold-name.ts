/** A name without marks, spaces and capitals, for comparing: "A-B Shop" and "ab shop" are the same. */
export function foldName(name: string): string {
  return name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');
}
