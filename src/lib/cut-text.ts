/**
 * `text` in at most `limit` UTF-16 units: cut behind a whole word and marked with an ellipsis when it is
 * longer. Words are found by the language's own rules, so it works where nothing stands between them.
 */
export function cutText(text: string, limit: number, language = 'en'): string {
  if (text.length <= limit) return text;
  const words = new Intl.Segmenter(language, { granularity: 'word' });
  let end = 0;
  // A word past the limit decides, so the segmenter need not see the rest of a long text.
  for (const { segment, index } of words.segment(text.slice(0, limit + 50).toWellFormed())) {
    if (index + segment.length > limit - 1) break;
    end = index + segment.length;
  }
  // A single word longer than the limit has to be cut inside.
  const cut = text.slice(0, end === 0 ? Math.max(limit - 1, 0) : end);
  // A cut may have left half a pair of surrogates.
  return `${cut.replace(/[\s\p{P}\p{Cs}]+$/u, '')}…`;
}
