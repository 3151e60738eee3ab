import type { CheerioAPI } from 'cheerio';
import { findPageImages } from './page-images.ts';
import type { FoundPrice, PageHints, ProductFacts } from './page-product.ts';
import { parsePrice } from './parse-price.ts';
import { plainText } from './plain-text.ts';
import { type PageNode, type Visit, walkPage } from './walk-page.ts';

/** A price with its words around ("from €12.90 incl. VAT") is shorter than this; longer is running text. */
const MAX_PRICE_TEXT = 40;
const MAX_STOCK_TEXT = 60;

const PRICE_NAMES = /price|prix|preis|precio|prezzo|pre[cç]o|prijs|\bcena|hinta|fiyat|amount/;
const NOW_NAMES = /sale|current|final|special|now|actual|main|offer/;
const PER_UNIT =
  /\/ ?\d* ?(?:kg|g|l|ml|m|st|pc|month|mo)\b|per (?:kg|month|unit)|shipping|delivery|save|versand/i;

const SOLD_OUT =
  /\b(?:sold out|out of stock|currently unavailable|no longer available|notify me when|ausverkauft|nicht (?:verfügbar|lieferbar|auf lager)|épuisé|rupture de stock|indisponible|agotado|sin stock|esaurito|non disponibile|esgotado|indispon[ií]vel|uitverkocht|niet op voorraad|slutsåld|utsolgt|udsolgt|wyprzedane|niedostępny|vyprodáno|vypredané|нет в наличии|распродано|tükendi)(?!\p{L})|売り切れ|在庫切れ|品切れ|售罄|缺貨|缺货|已售完|품절/iu;
const CAN_BUY =
  /\b(?:add to (?:cart|bag|basket|trolley)|buy (?:it )?now|in stock|in den (?:waren)?korb|auf lager|ajouter au panier|en stock|añadir (?:al carrito|a la cesta)|agregar al carr|comprar|aggiungi al carrello|disponibile|adicionar ao carrinho|em estoque|in winkelwagen|op voorraad|lägg i|i lager|legg i|på lager|læg i kurv|do koszyka|do košík|skladem|skladom|в корзину|в наличии|купить|sepete ekle|lisa ostukorvi|lisää ostoskoriin)|カートに入れる|加入購物車|加入购物车|장바구니/iu;

/** What a shopper sees: the main heading, the price nearest to it, whether it can be bought, the pictures. */
export function readVisiblePage($: CheerioAPI, hints: PageHints): ProductFacts {
  const heading = findHeading($, hints);
  const visits = walkPage($, heading);
  const title = heading === undefined ? null : plainText($(heading).text(), 300);
  const headingAt = heading === undefined ? -1 : visits.findIndex((visit) => visit.node === heading);
  return {
    title,
    description: null,
    brand: null,
    sku: null,
    gtin: null,
    mpn: null,
    price: findPrice(visits, headingAt, hints),
    availability: findAvailability(visits, headingAt),
    images: findPageImages(visits, headingAt, title ?? hints.titles[0] ?? ''),
  };
}

/** The first h1 whose words are also in the page's title; else the first with words. */
function findHeading($: CheerioAPI, hints: PageHints): PageNode | undefined {
  const headings = $('h1')
    .slice(0, 20)
    .toArray()
    .map((node) => ({ node, words: (plainText($(node).text(), 300) ?? '').toLowerCase() }))
    .filter(({ words }) => words !== '');
  const titles = hints.titles.map((title) => title.toLowerCase());
  const named = headings.find(({ words }) => titles.some((title) => title.includes(words)));
  return (named ?? headings[0])?.node;
}

function findPrice(visits: readonly Visit[], headingAt: number, hints: PageHints): FoundPrice | null {
  let best: FoundPrice | null = null;
  let bestScore = Number.NEGATIVE_INFINITY;
  for (const [at, visit] of visits.entries()) {
    if (visit.isStruck || visit.isAside) continue;
    const isNamed = visit.tag !== '' && PRICE_NAMES.test(visit.names);
    if (!isNamed && visit.tag !== '') continue;
    const text = visit.tag === '' ? ownText(visit.node) : textBelow(visits, at);
    if (text.length > MAX_PRICE_TEXT || !/\p{Nd}/u.test(text) || PER_UNIT.test(text)) continue;
    const price = parsePrice(text, { ...hints, needsCurrency: !isNamed });
    if (price === null) continue;
    // A screenful is about 300 nodes. What comes before the heading is more often the cart than the price.
    const distance = headingAt < 0 ? at : at > headingAt ? at - headingAt : (headingAt - at) * 3;
    const score =
      (isNamed ? 2 : 0) + (NOW_NAMES.test(visit.names) ? 0.5 : 0) + (price.currency ? 1 : 0) - distance / 300;
    if (score > bestScore) [best, bestScore] = [price, score];
  }
  return best;
}

/** Words on buttons and stock labels after the heading; a sign that it is sold out beats a buy button. */
function findAvailability(visits: readonly Visit[], headingAt: number): ProductFacts['availability'] {
  let found: ProductFacts['availability'] = null;
  for (const visit of visits.slice(Math.max(0, headingAt), Math.max(0, headingAt) + 1500)) {
    if (visit.isAside) continue;
    const text =
      visit.tag === '' ? ownText(visit.node) : visit.tag === 'input' ? (visit.attributes.value ?? '') : '';
    if (text.length < 2 || text.length > MAX_STOCK_TEXT) continue;
    if (found === null && SOLD_OUT.test(text)) return 'OutOfStock';
    if (CAN_BUY.test(text)) found = 'InStock';
  }
  return found;
}

/** The words below an element that are not crossed out; stops reading when there are too many for a price. */
function textBelow(visits: readonly Visit[], from: number): string {
  const top = visits[from]?.node;
  let text = '';
  for (let at = from + 1; at < visits.length && at < from + 60 && text.length <= MAX_PRICE_TEXT; at += 1) {
    const visit = visits[at];
    if (visit === undefined || !isBelow(visit.node, top)) break;
    if (visit.tag !== '' || visit.isStruck) continue;
    const piece = ownText(visit.node);
    // Many shops set the cents apart: "49" and ".90".
    const isOneNumber = /^[.,]\d|^[.,]$/.test(piece) || /\d[.,]$/.test(text);
    text = `${text}${isOneNumber ? '' : ' '}${piece}`.trim();
  }
  return text;
}

function isBelow(node: PageNode, top: PageNode | undefined): boolean {
  let above = node.parent;
  for (let level = 0; level < 12 && above !== null; level += 1) {
    if (above === top) return true;
    above = above.parent;
  }
  return false;
}

function ownText(node: PageNode): string {
  return 'data' in node && typeof node.data === 'string' ? node.data.replace(/\s+/g, ' ').trim() : '';
}
