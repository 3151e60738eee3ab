/**
 * Shortens `text` to at most `limit` UTF-16 code units: cuts after a whole word and appends an
 * ellipsis. Finds words by the rules of the language, so it also works for languages without
 * spaces.
 */
export function cutText(text: string, limit: number, language = 'en'): string {
  if (text.length <= limit) return text;
  const words = new Intl.Segmenter(language, { granularity: 'word' });
  let end = 0;
  // The word that crosses the limit decides, so the segmenter need not read the rest of a long
  // text.
  for (const { segment, index } of words.segment(text.slice(0, limit + 50).toWellFormed())) {
    if (index + segment.length > limit - 1) break;
    end = index + segment.length;
  }
  // A single word longer than the limit is cut inside.
  const cut = text.slice(0, end === 0 ? Math.max(limit - 1, 0) : end);
  // Also removes half of a surrogate pair that the cut may have left.
  return `${cut.replace(/[\s\p{P}\p{Cs}]+$/u, '')}…`;
}
