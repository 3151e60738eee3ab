import type { FoundPrice, PageHints } from '../page-product.ts';
import { findNextWords } from '../parse/find-next-words.ts';
import { listAncestors } from '../parse/list-ancestors.ts';
import { textOf, type Visit } from '../parse/walk-page.ts';
import { findCurrency } from './currency.ts';
import { parsePrice } from './parse-price.ts';

/**
 * The maximum length of a price with the words around it ("from €12.90 incl. VAT"). Longer texts
 * are running text.
 */
const MAX_PRICE_TEXT = 40;
/** In nodes. The price of a product is at most this far from its heading. */
const NEAR = 400;
const MAX_KEPT = 1000;
/** How many levels below an element whose class or id names a price its words may be. */
const MAX_DEPTH = 12;

const PRICE_NAMES =
  /price|prix|preis|precio|prezzo|pre[cç]o|prijs|\bcena|hinta|fiyat|amount|\bcina|\bpris\b|kaina|hind\b|цена|harga/;
const NOW_NAMES = /sale|current|final|special|now|actual|main|offer/;

const COUNT_NAMES = /amount|qty|quantity|count|range|filter|slider|rating|stock/;
const BARE = /^\d[\d.,' ]{0,11}$/;
const SIGN_AT_END = /(?:[A-Z]{0,2}[$€£¥₹₩₽₴₸₺₪฿₫₱₦])$/u;

/** Other prices: per kilo or month, for delivery, savings, or one of several payments. */
const OTHER_PRICE =
  /\/ ?\d* ?(?:kg|g|l|ml|m|st|pc|month|mo|mes|mois|monat|mês|mese|stk|szt|ks|kom)\b|\bper (?:\d+ ?)?(?:kg|g|l|ml|month|unit|litre|meter)\b|pro (?:kg|monat|liter)|par mois|al mes|ao mês|al mese|monthly|(?<!\d)\d{1,2} ?[x×] ?(?:de |of |da |von |à )?\D{0,4}\d|shipping|delivery|\bsave\b|versand|livraison|\bfrete\b|env[ií]o|spedizione|verzend|frakt|fraktfri|доставка|運費|运费|送料|doprava|wysyłk|dostaw|cashback|gift card|voucher|coupon|deposit|=|payments? of|instal|\braten?\b|cuotas|parcelas|\brate da\b|splátk|klarna|paypal|免運|滿 ?\d|\b(?:over|above|minimum|mindest\w*|ab einem)\b|ahorra|économi|sparen|risparmi|\boff\b/iu;

/**
 * Words in the element of a price or right before it that mark it as one that is not, or no longer,
 * to be paid.
 */
const OLD_LABEL =
  /^(?:was|rrp|msrp|srp|list price|retail price|regular price|normal(?: price)?|original(?: price)?|compare at|start(?:ing)? (?:price|bid)|estimate|you save|save|uvp|statt|vorher|ehemals|antes|precio (?:normal|regular|anterior)|prix (?:conseillé|de base|initial)|au lieu de|avant|prezzo (?:di listino|originale|consigliato)|invece di|anziché|de|preço (?:normal|original)|van|adviesprijs|ord\.? pris|før|førpris|původní cena|běžná cena|pôvodná cena|bežná cena|cena katalogowa|najniższa cena.{0,40}|старая цена|原價|原价|定價|定价|市價|市价|建議售價|参考価格|定価|정가|每期|分期|每月)(?=$|[\s:：])/iu;

/** The price of the product on the page, and all other prices. */
export interface SeenPrices {
  readonly best: FoundPrice | null;
  /**
   * Whether `best` is very probably not another product's: it is near the heading, the class or id
   * of its element names a price, and it has a currency sign.
   */
  readonly isClear: boolean;
  readonly all: readonly FoundPrice[];
}

/**
 * Finds the price nearest to the main heading that is not crossed out, old, or per unit or month. A
 * price before the heading is more likely that of the cart, so it counts as three times as far.
 */
export function findPrice(visits: readonly Visit[], headingAt: number, hints: PageHints): SeenPrices {
  const all: FoundPrice[] = [];
  let best: FoundPrice | null = null;
  let isClear = false;
  let bestScore = Number.NEGATIVE_INFINITY;
  let lastText = '';
  let lastLabel = '';
  for (const [at, visit] of visits.entries()) {
    if (visit.isAside || visit.isHidden) continue;
    const isNamed = visit.tag !== '' && PRICE_NAMES.test(visit.names);
    if (!isNamed && visit.tag !== '') continue;
    const own = visit.tag === '' ? textOf(visit) : textBelow(visits, at);
    const text = visit.tag === '' && BARE.test(own) ? withSign(visits, at, own, lastText) : own;
    const label = lastLabel;
    if (visit.tag === '' && own !== '') {
      lastText = own;
      if (!isSign(own)) lastLabel = own;
    }
    if (text.length > MAX_PRICE_TEXT || !/\p{Nd}/u.test(text) || OTHER_PRICE.test(text)) continue;
    const price = parsePrice(text, { ...hints, needsCurrency: !isNamed });
    if (price === null) continue;
    // "amount" may also mean a quantity, and filters contain prices too.
    if (price.currency === null && COUNT_NAMES.test(visit.names)) continue;
    if (all.length < MAX_KEPT) all.push(price);
    if (visit.isStruck || OLD_LABEL.test(text) || isOldLabel(label)) continue;
    // A screenful is about 300 nodes.
    const distance = headingAt < 0 ? at : at > headingAt ? at - headingAt : (headingAt - at) * 3;
    const score =
      (isNamed ? 2 : 0) + (NOW_NAMES.test(visit.names) ? 0.5 : 0) + (price.currency ? 1 : 0) - distance / 300;
    if (score <= bestScore) continue;
    [best, bestScore] = [price, score];
    isClear = isNamed && price.currency !== null && headingAt >= 0 && distance <= NEAR;
  }
  return { best, isClear, all };
}

/**
 * Whether a label for an old price has no number of its own. A price in the label is the old one,
 * so the label says nothing about the next price.
 */
function isOldLabel(words: string): boolean {
  return OLD_LABEL.test(words) && !/\p{Nd}/u.test(words);
}

function isSign(words: string): boolean {
  return words.length <= 5 && findCurrency(words) !== null;
}

/** Many pages put the currency sign in a separate element before or after the number. */
function withSign(visits: readonly Visit[], at: number, number: string, before: string): string {
  const sign = SIGN_AT_END.exec(before)?.[0];
  if (sign !== undefined) return `${sign}${number}`;
  const next = findNextWords(visits, at, { within: 4 });
  return isSign(next) ? `${number} ${next}` : number;
}

/**
 * Returns the words below an element that are not crossed out. Stops when they are too long for a
 * price.
 */
function textBelow(visits: readonly Visit[], from: number): string {
  const top = visits[from]?.node;
  let text = '';
  for (let at = from + 1; at < visits.length && at < from + 60 && text.length <= MAX_PRICE_TEXT; at += 1) {
    const visit = visits[at];
    if (visit === undefined || !listAncestors(visit.node, MAX_DEPTH).some((above) => above === top)) break;
    if (visit.tag !== '' || visit.isStruck) continue;
    const piece = textOf(visit);
    // Many shops put the cents in a separate element: "49" and ".90".
    const isOneNumber = /^[.,]\d|^[.,]$/.test(piece) || /\d[.,]$/.test(text);
    text = `${text}${isOneNumber ? '' : ' '}${piece}`.trim();
  }
  return text;
}
