import { dropInvisible } from '../../../lib/drop-invisible.ts';
import { findNextWords } from '../parse/find-next-words.ts';
import { hasWordPair, type WordPair } from '../parse/has-word-pair.ts';
import { toPlainText } from '../parse/to-plain-text.ts';
import { textOf, type Visit } from '../parse/walk-page.ts';

const LABEL =
  /^(?:brand(?: name)?|manufacturer|maker|marke|hersteller|marque|fabricant|marca|fabricante|produttore|produtor|merk|fabrikant|(?:varu)?märke|tillverkare|merkki|valmistaja|mærke|merke|produsent|značka|výrobce|výrobca|marka|producent|kaubamärk|bränd|tootja|prekės ženklas|zīmols|gyártó|márka|brend|robna marka|proizvođač|producător|бренд|марка|производитель|виробник|μάρκα|thương hiệu|merek|品牌|廠牌|ブランド|メーカー|브랜드|제조사|الماركة|العلامة التجارية|מותג)\s*(?:[:：–—-]\s*|$)/iu;
const BRAND_NAMES =
  /(?:^|[\s_-])(?:brand|brand-?(?:name|title|link|logo)|manufacturer(?:-?name)?|marca|marque|designer|vendor|brandname)(?:$|[\s_-])/;
const BRAND_PAIRS: readonly WordPair[] = [[/(?:^|[_-])product/, /brand(?:-?name)?(?:$|[_-])/]];
const BRAND_LINK =
  /[/?&=](?:brands?|marcas?|marques?|marken?|hersteller|manufacturers?|merken?|designers?|vendors?|znacka|brendy|producenci)[/=-][^/]/i;
const NO_BRAND =
  /^(?:all |view|see|show|shop|more|other|\d|brands?$|marca$|marke$)|https?:|[|{}<>$€£]|\d{4}/i;
const MAX_LENGTH = 40;
/** Longer values are running text and are skipped. */
const MAX_VALUE = 500;
/**
 * In nodes. No weight exceeds 5, and each 300 nodes subtract 1, so a brand beyond this cannot win.
 */
const REACH = 1500;

/**
 * Returns the visible brand near the main heading: after a label ("Marca: X"), in an element or
 * link whose name or address mentions brands, or as the text of a logo. A brand that is also in the
 * title scores highest.
 */
export function findBrand(visits: readonly Visit[], headingAt: number, title: string): string | null {
  const words = title.toLowerCase();
  let best: string | null = null;
  let bestScore = 0;
  for (const [at, visit] of visits.entries()) {
    if (visit.isAside || Math.abs(at - Math.max(0, headingAt)) > REACH) continue;
    const found = visit.tag === '' ? readLabelled(visits, at) : readNamed(visits, at);
    // A text nearly as long as the title is the product's name, not its brand.
    if (found === null || !isBrand(found.brand) || found.brand.length > 0.7 * words.length) continue;
    const isInTitle = words.includes(found.brand.toLowerCase());
    const score = found.weight + (isInTitle ? 2 : 0) - Math.abs(at - Math.max(0, headingAt)) / 300;
    if (score > bestScore) [best, bestScore] = [found.brand, score];
  }
  return best;
}

/** Removes words around a brand ("More of the brand: X"). Returns null for an unfilled template. */
export function cleanBrand(brand: string): string | null {
  const cut = brand.replace(/^.{0,40}\b(?:brand|marca|marke|marque)\s*:\s*/iu, '').trim();
  const isTemplate = /^\$|[{}]|^(?:null|undefined|n\/a|none|-+|generic brand|no brand)$/i.test(cut);
  return isTemplate || !/\p{L}|\d/u.test(cut) ? null : cut;
}

interface Labelled {
  readonly brand: string;
  readonly weight: number;
}

function readLabelled(visits: readonly Visit[], at: number): Labelled | null {
  const text = textOf(visits[at]);
  if (text.length < 2 || text.length > 70) return null;
  const label = LABEL.exec(text)?.[0];
  if (label === undefined) return null;
  const value =
    text.slice(label.length).trim() ||
    findNextWords(visits, at, { within: 10, read: wordsOf }).replace(/^[\s:：-]+/u, '');
  const brand = value.length > MAX_VALUE ? '' : dropInvisible(value);
  return brand === '' ? null : { brand, weight: 3 };
}

function readNamed(visits: readonly Visit[], at: number): Labelled | null {
  const visit = visits[at];
  if (visit === undefined) return null;
  const isNamed = BRAND_NAMES.test(visit.names) || hasWordPair(visit.names, BRAND_PAIRS);
  const isLink = visit.tag === 'a' && BRAND_LINK.test(visit.attributes.href ?? '');
  if (!isNamed && !isLink) return null;
  const alt = visit.tag === 'img' ? visit.attributes.alt : undefined;
  const words = alt ?? findNextWords(visits, at, { within: 6, read: wordsOf });
  const brand = words.length > MAX_VALUE ? null : toPlainText(words, 100);
  if (brand === null) return null;
  const value = LABEL.test(brand) ? brand.replace(LABEL, '') : brand;
  // Several words, one of them in lower case, are the name of a product or a category.
  const isName = value.includes(' ') && /(?:^| )\p{Ll}{5}/u.test(value);
  return value === '' || isName ? null : { brand: value, weight: isNamed && isLink ? 2 : 1.5 };
}

/**
 * Returns the text of a node; for an image, its alternative text, because it is mostly the brand's
 * logo.
 */
function wordsOf(visit: Visit): string {
  return visit.tag === 'img' ? (visit.attributes.alt ?? '').trim() : textOf(visit);
}

function isBrand(text: string): boolean {
  return (
    text.length >= 2 &&
    text.length <= MAX_LENGTH &&
    /\p{L}/u.test(text) &&
    !NO_BRAND.test(text) &&
    text.split(' ').length <= 5
  );
}
