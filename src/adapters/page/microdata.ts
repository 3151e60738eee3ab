import type { CheerioAPI } from 'cheerio';
import { elementsOf, type PageElement } from './page-elements.ts';
import { readNodeText } from './read-node-text.ts';
import type { PageNode } from './walk-page.ts';

/** Real items nest three or four deep. */
const MAX_DEPTH = 8;
const MAX_ITEMS = 50;
/** Of an item. Properties of nested items are read once for each item around them, so there is an end to it. */
const MAX_PROPERTIES = 2000;
/** Names of one property; real ones have two. */
const MAX_NAMES = 10;

const PRODUCT =
  /schema\.org\/(?:Product|ProductGroup|ProductModel|IndividualProduct|Book|Vehicle|Car|VideoGame)\b/i;

const RDFA_PRODUCT =
  /(?:^|[\s:/])(?:Product|ProductGroup|ProductModel|IndividualProduct|Book|Vehicle|Car|VideoGame)\b/;

/** Properties that name products of other pages. */
const ELSEWHERE: ReadonlySet<string> = new Set([
  'isRelatedTo',
  'isSimilarTo',
  'itemListElement',
  'isAccessoryOrSparePartFor',
]);

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
  if (elementsOf($).withAttribute(markup.scope).length === 0) return [];
  const index = indexProperties($.root().toArray(), markup);
  return index.items
    .filter((element) => type.test(element.attribs[markup.type] ?? ''))
    .slice(0, MAX_ITEMS)
    .map((element) => readItem(element, 0, { markup, index }));
}

/** Where an element stands in the order of the page, and where the last one below it does. */
interface Range {
  readonly first: number;
  last: number;
}

interface PropertyIndex {
  /** Elements with a scope, in document order, without those that name products of other pages. */
  readonly items: PageElement[];
  /** By the nearest element with a scope above them; undefined for those that have none. */
  readonly properties: Map<PageElement | undefined, PageElement[]>;
  /** Elements with an id, and the nearest element with a scope above each. */
  readonly owners: Map<PageElement, PageElement | undefined>;
  /** Of elements with a property or an id. */
  readonly ranges: Map<PageElement, Range>;
  /** What properties say that were read before. */
  readonly values: Map<PageElement, string>;
}

/** Walks the page once, without recursion: a selector for each item takes quadratic time on items within items. */
function indexProperties(roots: readonly PageNode[], markup: Markup): PropertyIndex {
  const index: PropertyIndex = {
    items: [],
    properties: new Map(),
    owners: new Map(),
    ranges: new Map(),
    values: new Map(),
  };
  const waiting: Step[] = [...roots]
    .reverse()
    .map((node) => ({ node, owner: undefined, isElsewhere: false }));
  let order = 0;
  for (let step = waiting.pop(); step !== undefined; step = waiting.pop()) {
    const { node, ends } = step;
    if (ends !== undefined) {
      ends.last = order;
      continue;
    }
    let { owner, isElsewhere } = step;
    if ('attribs' in node) {
      order += 1;
      const range = { first: order, last: order };
      const { attribs } = node;
      if (attribs[markup.property] !== undefined) {
        const known = index.properties.get(owner);
        if (known === undefined) index.properties.set(owner, [node]);
        else known.push(node);
        index.ranges.set(node, range);
      }
      if (attribs.id !== undefined) {
        index.owners.set(node, owner);
        index.ranges.set(node, range);
        waiting.push({ ...step, ends: range });
      }
      isElsewhere ||= namesOf(attribs.itemprop).some((name) => ELSEWHERE.has(name));
      if (attribs[markup.scope] !== undefined) {
        owner = node;
        if (!isElsewhere) index.items.push(node);
      }
    }
    if (!('children' in node)) continue;
    for (let at = node.children.length - 1; at >= 0; at -= 1) {
      const child = node.children[at];
      if (child !== undefined && child.type !== 'text') waiting.push({ node: child, owner, isElsewhere });
    }
  }
  return index;
}

interface Step {
  readonly node: PageNode;
  readonly owner: PageElement | undefined;
  readonly isElsewhere: boolean;
  /** Set for the step behind all that is below the node. */
  readonly ends?: Range;
}

interface ItemContext {
  readonly markup: Markup;
  readonly index: PropertyIndex;
}

function readItem(item: PageElement, depth: number, context: ItemContext): Record<string, unknown> {
  const { markup, index } = context;
  const properties: Record<string, unknown[]> = {};
  const own = (index.properties.get(item) ?? []).slice(0, MAX_PROPERTIES);
  for (const property of depth === 0 ? [...own, ...listReferred(item, index)] : own) {
    const given = property.attribs[markup.property] ?? '';
    const isItem = property.attribs[markup.scope] !== undefined && depth < MAX_DEPTH;
    const value = isItem ? readItem(property, depth + 1, context) : recallValue(property, context);
    for (const word of namesOf(given)) {
      const name = word.replace(/^[a-z]+:(?!\/)|^.*\//i, '');
      if (name === '' || name === '__proto__') continue;
      const values = Object.hasOwn(properties, name) ? properties[name] : undefined;
      if (values === undefined) properties[name] = [value];
      else values.push(value);
    }
  }
  return { ...properties, '@type': item.attribs[markup.type] ?? '', '@id': item.attribs[markup.id] };
}

function recallValue(property: PageElement, { markup, index }: ItemContext): string {
  const known = index.values.get(property) ?? readValue(property, markup);
  index.values.set(property, known);
  return known;
}

function namesOf(words: string | undefined): string[] {
  return words === undefined ? [] : words.split(/\s+/, MAX_NAMES);
}

/** Properties that an item takes from elsewhere on the page by `itemref`: those of the elements with these ids, and below them. */
function listReferred(item: PageElement, { properties, owners, ranges }: PropertyIndex): PageElement[] {
  const ids = new Set((item.attribs.itemref ?? '').split(/\s+/, MAX_PROPERTIES).filter((id) => id !== ''));
  if (ids.size === 0) return [];
  const found: PageElement[] = [];
  for (const [root, owner] of owners) {
    if (found.length >= MAX_PROPERTIES) break;
    const range = ranges.get(root);
    if (range === undefined || !ids.has(root.attribs.id ?? '')) continue;
    const near = properties.get(owner) ?? [];
    for (let at = findFirst(near, ranges, range.first); at < near.length; at += 1) {
      const property = near[at];
      if (property === undefined || (ranges.get(property)?.first ?? 0) > range.last) break;
      if (found.length < MAX_PROPERTIES) found.push(property);
    }
  }
  return found;
}

/** The place of the first of `properties`, which are in document order, that stands at `order` or behind it. */
function findFirst(
  properties: readonly PageElement[],
  ranges: PropertyIndex['ranges'],
  order: number,
): number {
  let [low, high] = [0, properties.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const property = properties[middle];
    const first = (property && ranges.get(property)?.first) ?? 0;
    if (first < order) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Properties whose value is an address even on a link that has words. */
const ADDRESS = /url|image|sameAs|availability|condition|logo/i;

/** The value of a property: `content` wherever it stands (shops put it on any tag), then what the tag points to, then text. */
function readValue(property: PageElement, markup: Markup): string {
  const { name: tag, attribs } = property;
  if (attribs.content !== undefined) return attribs.content;
  if (tag === 'img' || tag === 'source') return attribs.src ?? attribs['data-src'] ?? '';
  if (tag === 'data' || tag === 'meter' || tag === 'input') return attribs.value ?? '';
  const words = readNodeText(property);
  const isLink =
    (tag === 'a' || tag === 'link') && (ADDRESS.test(attribs[markup.property] ?? '') || words.trim() === '');
  return isLink ? (attribs.href ?? '') : words;
}
