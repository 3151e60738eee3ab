import type { CheerioAPI } from 'cheerio';

type Elements = ReturnType<CheerioAPI>;

/** Real items nest three or four deep. */
const MAX_DEPTH = 8;
const MAX_ITEMS = 50;
/** Looking for the item around a property takes a walk up, so there is an end to it. */
const MAX_PROPERTIES = 2000;

const PRODUCT =
  /schema\.org\/(?:Product|ProductGroup|ProductModel|IndividualProduct|Book|Vehicle|Car|VideoGame)\b/i;

/** Where products of other pages are named. */
const ELSEWHERE =
  '[itemprop~="isRelatedTo"], [itemprop~="isSimilarTo"], [itemprop~="itemListElement"], [itemprop~="isAccessoryOrSparePartFor"]';

/** The products of schema.org microdata, in the shape of JSON-LD, so that one reader serves both. */
export function readMicrodata($: CheerioAPI): unknown[] {
  return $('[itemscope][itemtype]')
    .slice(0, MAX_PROPERTIES)
    .filter(
      (_, element) =>
        PRODUCT.test($(element).attr('itemtype') ?? '') && $(element).closest(ELSEWHERE).length === 0,
    )
    .slice(0, MAX_ITEMS)
    .toArray()
    .map((element) => readItem($, $(element), 0));
}

function readItem($: CheerioAPI, item: Elements, depth: number): Record<string, unknown> {
  const properties: Record<string, unknown[]> = {};
  for (const property of [...listProperties($, item, item), ...(depth === 0 ? listReferred($, item) : [])]) {
    const isItem = property.attr('itemscope') !== undefined && depth < MAX_DEPTH;
    const value = isItem ? readItem($, property, depth + 1) : readValue(property);
    for (const name of (property.attr('itemprop') ?? '').split(/\s+/)) {
      if (name !== '' && name !== '__proto__') properties[name] = [...(properties[name] ?? []), value];
    }
  }
  return { ...properties, '@type': item.attr('itemtype') ?? '', '@id': item.attr('itemid') };
}

/** The properties below `root` whose nearest item is `owner`. */
function listProperties($: CheerioAPI, root: Elements, owner: Elements): Elements[] {
  return root
    .find('[itemprop]')
    .slice(0, MAX_PROPERTIES)
    .toArray()
    .map((element) => $(element))
    .filter((property) => property.parent().closest('[itemscope]')[0] === owner[0]);
}

/** Properties that an item takes from elsewhere on the page by `itemref`. */
function listReferred($: CheerioAPI, item: Elements): Elements[] {
  const ids = new Set((item.attr('itemref') ?? '').split(/\s+/).filter((id) => id !== ''));
  if (ids.size === 0) return [];
  const roots = $('[id]').filter((_, element) => ids.has($(element).attr('id') ?? ''));
  return roots.toArray().flatMap((element) => {
    const root = $(element);
    const below = listProperties($, root, root.parent().closest('[itemscope]'));
    return root.attr('itemprop') === undefined ? below : [root, ...below];
  });
}

/** Properties whose value is an address even on a link that has words. */
const ADDRESS = /url|image|sameAs|availability|condition|logo/i;

/** The value of a property: `content` wherever it stands (shops put it on any tag), then what the tag points to, then text. */
function readValue(property: Elements): string {
  const content = property.attr('content');
  if (content !== undefined) return content;
  if (property.is('img, source')) return property.attr('src') ?? property.attr('data-src') ?? '';
  if (property.is('data, meter, input')) return property.attr('value') ?? '';
  const words = property.text();
  const isLink =
    property.is('a, link') && (ADDRESS.test(property.attr('itemprop') ?? '') || words.trim() === '');
  return isLink ? (property.attr('href') ?? '') : words;
}
