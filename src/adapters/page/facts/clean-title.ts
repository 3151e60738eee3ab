import { foldName } from '../parse/fold-name.ts';

/** What stands between a product's name and the words around it. */
const MARK = /\s+[-–—|:•·»«~]\s+|\s*[|｜]\s*/u;
const CALL = /^(?:buy|shop|kaufen|acheter|comprar?|acquista|köp|kup|koupit|купить) (?=\p{Lu})/iu;

/**
 * A title without the shop's name and what comes after it ("Red shoe | Shop | Free delivery"), or before it when
 * the name leads. `siteNames` are what the shop calls itself. A title that is nothing else stays.
 */
export function cleanTitle(title: string, siteNames: readonly string[]): string {
  const names = siteNames.map(foldName).filter((name) => name.length >= 3);
  const isShop = (part: string) =>
    names.includes(foldName(part).replace(/^(?:www|buy|on|at)|(?:com|net|org|couk|[.]?shop|online)$/g, '')) ||
    names.includes(foldName(part));
  const parts = title.split(MARK);
  const at = parts.findIndex(isShop);
  if (at < 0) return title;
  const kept = at === 0 ? parts.slice(1) : parts.slice(0, at);
  if (kept.join('').trim() === '') return title;
  // The words as they stood, marks between them and all.
  const first = kept[0] ?? '';
  const last = kept.at(-1) ?? '';
  const start = title.indexOf(first, at === 0 ? (parts[0] ?? '').length : 0);
  const end = at === 0 ? title.length : title.lastIndexOf(last, title.length) + last.length;
  return title.slice(start, end).replace(CALL, '').trim() || title;
}
