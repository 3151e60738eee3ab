/**
 * Parts that make readers of text slow if they are repeated: openings that never close, and
 * characters that hide or split them.
 */
export const HOSTILE_PARTS: readonly string[] = [
  '<',
  '<!--',
  '<script>',
  '<b a="',
  '&',
  '&amp;',
  '&lt',
  '{',
  '[',
  '"',
  '\\',
  '/*',
  '//',
  ' ',
  '\n',
  ',',
  ';',
  '1',
  '1.',
  'a',
  'a-a-',
  'main-',
  'product-',
  'a.jpg 1x',
  'http://',
  '?a=',
  'JSON.parse("',
  '\u0301\u0316',
  '\u05d0\u202e',
  '\u200d',
  '\u{e0041}',
  '\u{1f469}\u200d',
  '\ud800',
  '\u4e2d\u6587',
];

/** A pair of parts that can make a text of about a given length. */
export interface HostilePair {
  readonly name: string;
  make(length: number): string;
}

/**
 * Returns every ordered pair in two forms: the first part repeated, then the second; and both in
 * turn.
 */
export function listHostilePairs(parts: readonly string[] = HOSTILE_PARTS): HostilePair[] {
  return parts.flatMap((a) =>
    parts.flatMap((b) => [
      {
        name: `${JSON.stringify(a)} many times, then ${JSON.stringify(b)}`,
        make: (length: number) => fill(a, length / 2) + fill(b, length / 2),
      },
      {
        name: `${JSON.stringify(a)} and ${JSON.stringify(b)} in turn`,
        make: (length: number) => fill(a + b, length),
      },
    ]),
  );
}

function fill(part: string, length: number): string {
  return part.repeat(Math.ceil(length / part.length));
}
