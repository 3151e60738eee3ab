import { findNextWords } from '../parse/find-next-words.ts';
import { textOf, type Visit } from '../parse/walk-page.ts';

/** Labels that shops around the world write before their article number. */
const LABEL =
  /^(?:sku(?: code| id| number| no\.?)?|(?:product|item|article|art|style|catalogue|catalog|cat|part|stock|web|lot)\.?[ -]?(?:code|number|no|nr|id|sku|ref|reference|num|#)\.?|item|article|art\.?-? ?nr\.?|artikel-?(?:nummer|nr\.?|code)|art\.|bestell-?(?:nr\.?|nummer)|produkt-?(?:nummer|nr\.?)|vare-?(?:nummer|nr\.?)|art\.? ?nr|tuote(?:numero|koodi)|toote-?kood|prekės kodas|preces kods|r[eé]f(?:[eé]rence|\.)?(?: (?:produit|article|du produit))?|ref|refer[eê]ncia(?: do produto)?|riferimento|codice(?: (?:articolo|prodotto))?|cod\.?(?: (?:art\.?|articolo|prod\.?|prodotto|produs))?|c[óo]digo(?: (?:do produto|de producto|del? art[íi]culo|producto|de referencia))?|c[óo]d\.?|kod(?: (?:produktu|towaru))?|indeks|k[óo]d(?: (?:produktu|výrobku|zboží|tovaru|produktu))?|(?:objednací|katalogov[ée]|obj\.|kat\.) č(?:íslo|\.)|číslo (?:produktu|zboží|výrobku)|артикул|арт\.?|код(?: товара| продукта| товару)?|ürün kodu|stok kodu|cikkszám|šifra(?: proizvoda)?|κωδικός(?: προϊόντος)?|mã (?:sản phẩm|sp|hàng)|kode produk|商品(?:編號|编号|コード|番号|代码|代碼)|貨號|货号|品番|商品号|상품(?:코드|번호)|품번|رقم (?:الموديل|المنتج|الصنف)|رمز المنتج|كود المنتج|מק"ט)(?=$|[\s:：#.\-–—\d])/iu;
/** Short, everyday words: they count only with a colon or a similar mark after them. */
const WEAK_LABEL =
  /^(?:item|article|art\.?|ref|r[eé]f\.?|cod\.?|c[óo]d\.?|kod|k[óo]d|код|c[óo]digo|codice|indeks|style|part)$/iu;
const CODE_NAMES =
  /(?:^|[\s_-])(?:sku(?:-?(?:value|number|code))?|cat-?num(?:ber)?|(?:product|item|article|prod)[_-]?(?:code|ref|reference|number|sku|no)|art-?(?:nr|no)|artikelnummer|reference|referencia|artnum|productid)(?:$|[\s_-])/;
const CODE = /^[#([]?([\p{Lu}\p{Ll}\d][\p{L}\d._/+-]{2,39}?)[)\].,;]?$/u;
const WORDED_CODE = /^[\p{Lu}\d._/-]+(?: [\p{Lu}\d._/-]+){1,3}$/u;

const BRACKETS = /^[([〈《【「（•·*\s]+|[〉》】」）\s]+$/gu;
const MAX_LABELLED = 80;

/**
 * Returns the visible article number that is nearest to the main heading: after a label ("Item no.
 * 123"), or in an element whose name mentions it. Returns null if there is none.
 */
export function findCode(visits: readonly Visit[], headingAt: number): string | null {
  let best: string | null = null;
  let bestScore = Number.NEGATIVE_INFINITY;
  for (const [at, visit] of visits.entries()) {
    if (visit.isAside) continue;
    const found = visit.tag === '' ? readLabelled(visits, at) : readNamed(visits, at);
    if (found === null) continue;
    const distance = Math.abs(at - Math.max(0, headingAt));
    const score = found.weight - distance / 500 - (at < headingAt ? 0.5 : 0);
    if (score > bestScore) [best, bestScore] = [found.code, score];
  }
  return best;
}

/**
 * Removes a label or other words in the same element from a code: "SKU: 12-3", "TE12-3 Sofa cover".
 */
export function cleanCode(value: string): string {
  const label = LABEL.exec(value)?.[0] ?? '';
  const rest = value.slice(label.length);
  const bare = label !== '' && /^\s*[:：#]/u.test(rest) ? rest.replace(/^[\s:：#.–—-]+/u, '') : value;
  const [first = '', ...others] = bare.split(' ');
  const isWorded = first.length >= 5 && /\d{3}/.test(first) && others.some((word) => /\p{Ll}{3}/u.test(word));
  return (isWorded ? first : bare) || value;
}

interface Labelled {
  readonly code: string;
  readonly weight: number;
}

function readLabelled(visits: readonly Visit[], at: number): Labelled | null {
  const text = textOf(visits[at]);
  if (text.length < 2 || text.length > MAX_LABELLED) return null;
  const label = LABEL.exec(text.replace(BRACKETS, ''))?.[0];
  if (label === undefined) return null;
  const rest = text.replace(BRACKETS, '').slice(label.length);
  const marked = /^\s*[:：#–—-]|^\s*\./u.test(rest);
  if (WEAK_LABEL.test(label) && !marked) return null;
  const value = rest.replace(/^[\s:：#.–—-]+/u, '');
  if (value !== '') {
    // "Item no. 12 of 20 in this set" is running text, "Ref. 1002/710 Black" is not.
    const code = toCode(value) ?? (marked ? toCode(value.split(/[\s,;|)]/u, 1)[0] ?? '') : null);
    return code === null ? null : { code, weight: 2 };
  }
  const withoutMarks = (visit: Visit) => textOf(visit).replace(/^[\s:：#–—-]+/u, '');
  const code = toCode(findNextWords(visits, at, { within: 11, read: withoutMarks }));
  return code === null ? null : { code, weight: 2 };
}

function readNamed(visits: readonly Visit[], at: number): Labelled | null {
  const visit = visits[at];
  if (visit === undefined || !CODE_NAMES.test(visit.names) || visit.tag === 'input' || visit.tag === 'a')
    return null;
  const words = findNextWords(visits, at, { within: 5 });
  const code =
    toCode(words) ?? (visit.names.includes('productid') ? toCode(words.split(' ', 1)[0] ?? '') : null);
  return code === null || code.length < 4 ? null : { code, weight: 1.5 };
}

function toCode(text: string): string | null {
  if (text.length > 40) return null;
  const digits = text.replace(/\D/g, '').length;
  if (digits === 0 || /^\d{1,2}$|^\d+[.,]\d\d$|^\d{1,2}[./-]\d{1,2}[./-]\d{2,4}$/.test(text)) return null;
  const code = CODE.exec(text)?.[1];
  if (code !== undefined) return code;
  return digits >= 2 && WORDED_CODE.test(text) ? text : null;
}
