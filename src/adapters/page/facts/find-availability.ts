import type { ProductFacts } from '../page-product.ts';
import { listAncestors } from '../parse/list-ancestors.ts';
import { textOf, type Visit } from '../parse/walk-page.ts';

const MAX_STOCK_TEXT = 60;
/** The label of a button. Longer texts are cut. */
const MAX_LABEL = 500;
/** The class of an element is tested for each text below it, so its length needs a limit. */
const MAX_CLASS = 500;
/** In nodes. The product's own part of a page is not longer; other products follow it. */
const REACH = 1500;

const SOLD_OUT =
  /\b(?:sold out|out of stock|currently unavailable|no longer available|temporarily unavailable|notify me when|ausverkauft|nicht (?:mehr )?(?:verfügbar|lieferbar|auf lager)|épuisé|rupture de stock|indisponible|agotado|sin stock|no disponible|esaurito|non disponibile|esgotado|indispon[ií]vel|sem estoque|uitverkocht|niet op voorraad|slutsåld|slut i lager|utsolgt|udsolgt|loppuunmyyty|otsas|läbi müüdud|wyprzedan[eay]|niedostępn[eya]|brak w magazynie|vyprodáno|vypredané|nedostupn[éýá]|rasprodano|nije dostupno|stoc epuizat|elfogyott|нет в наличии|распродано|немає в наявності|εξαντλήθηκε|tükendi|stokta yok|hết hàng|stok habis)(?!\p{L})|売り切れ|在庫切れ|品切れ|售罄|售完|缺貨|缺货|已售完|完售|품절|نفدت? ?(?:من )?(?:الكمية|المخزون)|غير متوفر|אזל/iu;
const CAN_BUY =
  /\b(?:add (?:item )?(?:to|in) (?:(?:your|my|the|shopping) )?(?:cart|bag|basket|trolley)|add$|buy (?:it )?now|buy$|order now|buy tickets?|place bid|in stock|available now|in den (?:waren)?korb|auf lager|sofort lieferbar|jetzt kaufen|ajouter au panier|ajouter à mon panier|acheter|en stock|añadir (?:al carrito|a la cesta)|agregar al carr|añadir|agregar|comprar?|en stock|aggiungi al carrello|acquista|disponibile|adicionar ao carrinho|adicionar|em estoque|disponível|in winkel(?:wagen|mandje)|op voorraad|lägg i|köp|i lager|legg i|kjøp|på lager|læg i kurv|køb|do koszyka|kup teraz|dostępny|do košík[au]|kúpiť|koupit|skladem|skladom|na sklade|u košaricu|dodaj u|kosárba|raktáron|adaugă în coș|în stoc|в корзину|в наличии|купить|до кошика|купити|в наявності|sepete ekle|lisa (?:ostu)?korvi|osta|laos|lisää ostoskoriin|lisää koriin|varastossa|thêm vào giỏ|mua ngay|còn hàng|tambah ke keranjang|beli)(?!\p{L})|カートに入れる|購入|加入購物車|加入购物车|放入購物車|立即購買|立即购买|直接購買|我要購買|馬上買|장바구니|구매하기|أضف (?:إلى|الى|للسلة|لسلة)|اشتر|הוסף לסל/iu;
const BUY_NAMES =
  /add-?_?to-?_?(?:cart|bag|basket|trolley)|(?:^|[\s_-])(?:buy-?(?:now|button|btn)?|btn-?buy|addcart|cart-?add|purchase)(?:$|[\s_-])|add ?to ?(?:cart|basket|bag)/;
const OFF_NAMES =
  /(?:^|[\s_-])(?:is-)?(?:disabled|sold-?out|out-?of-?stock|inactive|hidden|d-none)(?:$|[\s_-])/;

/** What a page shows about the stock of a product. */
export interface SeenStock {
  /** Whether an enabled button adds it to the cart. */
  readonly canBuy: boolean;
  /** Whether words say that it is sold out. */
  readonly isSoldOut: boolean;
  /** Whether words, or such a button, say that it is in stock. */
  readonly isInStock: boolean;
}

/** Searches for buttons and stock labels after the main heading. */
export function findStock(visits: readonly Visit[], headingAt: number): SeenStock {
  const from = Math.max(0, headingAt);
  let canBuy = false;
  let isSoldOut = false;
  let isInStock = false;
  let disabled: Visit['node'] | undefined;
  for (const visit of visits.slice(from, from + REACH)) {
    if (visit.isAside || visit.isHidden) continue;
    if (isButton(visit)) {
      const isOff = isDisabled(visit);
      disabled = isOff ? visit.node : undefined;
      const label = [visit.attributes.value, visit.attributes['aria-label']]
        .map((words) => (words ?? '').slice(0, MAX_LABEL))
        .join(' ')
        .trim();
      if (!isOff && (BUY_NAMES.test(buttonNames(visit)) || (label !== '' && CAN_BUY.test(label))))
        canBuy = true;
      continue;
    }
    if (visit.tag !== '') continue;
    const text = textOf(visit);
    if (text.length < 2 || text.length > MAX_STOCK_TEXT) continue;
    if (SOLD_OUT.test(text)) isSoldOut ||= !isOption(visit);
    else if (CAN_BUY.test(text)) {
      if (listAncestors(visit.node, 6).some((above) => above === disabled)) continue;
      isInStock = true;
      if (text.length <= 30 && isWithinButton(visit)) canBuy = true;
    }
  }
  return { canBuy, isSoldOut, isInStock: isInStock || canBuy };
}

/**
 * Decides between sources that disagree on stock. Data that says "in stock" wins, unless the page
 * only says sold out. Data that says "out of stock" is often outdated or about one variant, so an
 * enabled button wins against it, unless the page says sold out. Without data, the button decides,
 * then the words. A product with a price and no words against it can be bought.
 */
export function decideAvailability(
  said: ProductFacts['availability'],
  seen: SeenStock,
  hasPrice: boolean,
): ProductFacts['availability'] {
  if (said === 'InStock') return seen.isSoldOut && !seen.isInStock ? 'OutOfStock' : 'InStock';
  if (said === 'OutOfStock') return seen.canBuy && !seen.isSoldOut ? 'InStock' : 'OutOfStock';
  if (seen.canBuy) return 'InStock';
  if (seen.isSoldOut) return 'OutOfStock';
  return seen.isInStock || hasPrice ? 'InStock' : null;
}

function isButton(visit: Visit): boolean {
  if (visit.tag === 'button') return true;
  if (visit.tag === 'input') return /^(?:submit|button|image)$/i.test(visit.attributes.type ?? '');
  return (
    (visit.tag === 'a' || visit.tag === 'div') &&
    (visit.attributes.role === 'button' || BUY_NAMES.test(visit.names))
  );
}

function buttonNames(visit: Visit): string {
  return `${visit.names} ${(visit.attributes.name ?? '').toLowerCase()}`;
}

function isDisabled({ attributes, names }: Visit): boolean {
  return attributes.disabled !== undefined || attributes['aria-disabled'] === 'true' || OFF_NAMES.test(names);
}

function isWithinButton(visit: Visit): boolean {
  for (const above of listAncestors(visit.node, 4)) {
    if (!('name' in above) || (above.name !== 'button' && above.name !== 'a')) continue;
    return above.attribs.disabled === undefined && !OFF_NAMES.test(classOf(above.attribs));
  }
  return false;
}

function classOf(attributes: Readonly<Record<string, string>>): string {
  return (attributes.class ?? '').slice(0, MAX_CLASS).toLowerCase();
}

/** A sold-out size or color does not mean that the product is sold out. */
function isOption(visit: Visit): boolean {
  return listAncestors(visit.node, 4).some(
    (above) =>
      'name' in above &&
      (/^(?:option|label|li)$/.test(above.name) || /size|variant|swatch|option/.test(classOf(above.attribs))),
  );
}
