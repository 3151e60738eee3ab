/** Far above every limit of ours, and low enough that no pattern below can take long. */
const MAX_INPUT = 10_000;

const ENTITIES: Record<string, string> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  '#39': "'",
  nbsp: ' ',
};

const MARKUP = [
  /<(script|style)\b[^<>]*>[\s\S]*?<\/\1\s*>/gi,
  /<!--[\s\S]*?-->/g,
  /<[a-z/!?][^<>]*>/gi,
  // A tag that never closes would swallow what a careless page puts behind the text.
  /<\/?(?:a|b|i|p|br|em|div|span|strong|script|style|iframe|img|svg|object|embed|link|meta|video|audio)\b[^<>]*$/gi,
];

/**
 * Plain text of what a model or a page wrote: entities decoded, tags and scripts removed, white space
 * collapsed, and no control character, text-direction override or lone surrogate (PostgreSQL refuses some).
 */
export function cleanText(text: string): string {
  let clean = text.slice(0, MAX_INPUT);
  // What is left after a removal may itself read as a tag ("<<b>script>"), so until nothing changes.
  for (let before = ''; before !== clean; ) {
    before = clean;
    clean = clean.replace(/&(amp|lt|gt|quot|apos|#39|nbsp);/gi, (_, name: string) => {
      return ENTITIES[name.toLowerCase()] ?? '';
    });
    for (const pattern of MARKUP) clean = clean.replace(pattern, '');
  }
  return clean
    .replace(/\p{Cs}|[\u200b\u2060\ufeff\u202a-\u202e\u2066-\u2069]/gu, '')
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .trim();
}
