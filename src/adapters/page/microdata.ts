import type { CheerioAPI } from 'cheerio';
import { elementsOf } from './page-elements.ts';

type Elements = ReturnType<CheerioAPI>;

/** Real items nest three or four deep. */
const MAX_DEPTH = 8;
const MAX_ITEMS = 50;
/** Looking for the item around a property takes a walk up, so there is an end to it. */
const MAX_PROPERTIES = 2000;

const PRODUCT =
  /schema\.org\/(?:Product|ProductGroup|ProductModel|IndividualProduct|Book|Vehicle|Car|VideoGame)\b/i;

const RDFA_PRODUCT =
  /(?:^|[\s:/])(?:Product|ProductGroup|ProductModel|IndividualProduct|Book|Vehicle|Car|VideoGame)\b/;

/** Where products of other pages are named. */
const ELSEWHERE =
  '[itemprop~="isRelatedTo"], [itemprop~="isSimilarTo"], [itemprop~="itemListElement"], [itemprop~="isAccessoryOrSparePartFor"]';

/** The attributes of a markup that names properties in HTML. */
interface Markup {
  readonly scope: string;
  readonly type: string;
  readonly property: string;
  readonly id: string;
}

const MICRODATA: Markup = { scope: 'itemscope', type: 'itemtype', property: 'itemprop', id: 'itemid' };
const RDFA: Markup = { scope: 'typeof', type: 'typeof', property: 'property', id: 'resource' };

/** The products of schema.org microdata, in the shape of JSON-LD, so that one reader serves both. */
export function readMicrodata($: CheerioAPI): unknown[] {
  return readProducts($, MICRODATA, PRODUCT);
}

/** The products of RDFa Lite (`typeof`, `property`), as `readMicrodata`. */
export function readRdfa($: CheerioAPI): unknown[] {
  return readProducts($, RDFA, RDFA_PRODUCT);
}

function readProducts($: CheerioAPI, markup: Markup, type: RegExp): unknown[] {
  return elementsOf($)
    .withAttribute(markup.scope)
    .slice(0, MAX_PROPERTIES)
    .filter(
      (element) =>
        type.test(element.attribs[markup.type] ?? '') && $(element).closest(ELSEWHERE).length === 0,
    )
    .slice(0, MAX_ITEMS)
    .map((element) => readItem($, $(element), 0, markup));
}

function readItem($: CheerioAPI, item: Elements, depth: number, markup: Markup): Record<string, unknown> {
  const properties: Record<string, unknown[]> = {};
  for (const property of [
    ...listProperties($, item, item, markup),
    ...(depth === 0 ? listReferred($, item) : []),
  ]) {
    const isItem = property.attr(markup.scope) !== undefined && depth < MAX_DEPTH;
    const value = isItem
      ? readItem($, property, depth + 1, markup)
      : readValue(property, property.attr(markup.property) ?? '');
    for (const word of (property.attr(markup.property) ?? '').split(/\s+/)) {
      const name = word.replace(/^[a-z]+:(?!\/)|^.*\//i, '');
      if (name !== '' && name !== '__proto__') properties[name] = [...(properties[name] ?? []), value];
    }
  }
  return { ...properties, '@type': item.attr(markup.type) ?? '', '@id': item.attr(markup.id) };
}

/** The properties below `root` whose nearest item is `owner`. */
function listProperties($: CheerioAPI, root: Elements, owner: Elements, markup = MICRODATA): Elements[] {
  return root
    .find(`[${markup.property}]`)
    .slice(0, MAX_PROPERTIES)
    .toArray()
    .map((element) => $(element))
    .filter((property) => property.parent().closest(`[${markup.scope}]`)[0] === owner[0]);
}

/** Properties that an item takes from elsewhere on the page by `itemref`. */
function listReferred($: CheerioAPI, item: Elements): Elements[] {
  const ids = new Set((item.attr('itemref') ?? '').split(/\s+/).filter((id) => id !== ''));
  if (ids.size === 0) return [];
  const roots = elementsOf($)
    .withAttribute('id')
    .filter(({ attribs }) => ids.has(attribs.id ?? ''));
  return roots.flatMap((element) => {
    const root = $(element);
    const below = listProperties($, root, root.parent().closest('[itemscope]'));
    return root.attr('itemprop') === undefined ? below : [root, ...below];
  });
}

/** Properties whose value is an address even on a link that has words. */
const ADDRESS = /url|image|sameAs|availability|condition|logo/i;

/** The value of a property: `content` wherever it stands (shops put it on any tag), then what the tag points to, then text. */
function readValue(property: Elements, name: string): string {
  const content = property.attr('content');
  if (content !== undefined) return content;
  if (property.is('img, source')) return property.attr('src') ?? property.attr('data-src') ?? '';
  if (property.is('data, meter, input')) return property.attr('value') ?? '';
  const words = property.text();
  const isLink = property.is('a, link') && (ADDRESS.test(name) || words.trim() === '');
  return isLink ? (property.attr('href') ?? '') : words;
}
