import { foldName } from '../parse/fold-name.ts';

/** Separates a product's name from the words around it. */
const MARK = /\s+[-–—|:•·»«~]\s+|\s*[|｜]\s*/u;
const CALL = /^(?:buy|shop|kaufen|acheter|comprar?|acquista|köp|kup|koupit|купить) (?=\p{Lu})/iu;

/**
 * Removes the shop's name and everything after it from a title ("Red shoe | Shop | Free delivery"),
 * or the shop's name at the start. `siteNames` are the names of the shop. A title that consists
 * only of these stays as it is.
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
  // Keep the original words and the marks between them.
  const first = kept[0] ?? '';
  const last = kept.at(-1) ?? '';
  const start = title.indexOf(first, at === 0 ? (parts[0] ?? '').length : 0);
  const end = at === 0 ? title.length : title.lastIndexOf(last, title.length) + last.length;
  return title.slice(start, end).replace(CALL, '').trim() || title;
}
