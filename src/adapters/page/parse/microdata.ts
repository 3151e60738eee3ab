import type { CheerioAPI } from 'cheerio';
import { elementsOf, type PageElement } from './page-elements.ts';
import { readNodeText } from './read-node-text.ts';
import type { PageNode } from './walk-page.ts';

/** Real items are nested three or four levels deep. */
const MAX_DEPTH = 8;
const MAX_ITEMS = 50;
/**
 * Properties of one item. Those of nested items are read again for each item around them, so the
 * number needs a limit.
 */
const MAX_PROPERTIES = 2000;
/** Names of one property. Real properties have at most two. */
const MAX_NAMES = 10;

const PRODUCT =
  /schema\.org\/(?:Product|ProductGroup|ProductModel|IndividualProduct|Book|Vehicle|Car|VideoGame)\b/i;

const RDFA_PRODUCT =
  /(?:^|[\s:/])(?:Product|ProductGroup|ProductModel|IndividualProduct|Book|Vehicle|Car|VideoGame)\b/;

/** Properties that refer to products of other pages. */
const ELSEWHERE: ReadonlySet<string> = new Set([
  'isRelatedTo',
  'isSimilarTo',
  'itemListElement',
  'isAccessoryOrSparePartFor',
]);

/** The attributes with which a markup names properties in HTML. */
interface Markup {
  readonly scope: string;
  readonly type: string;
  readonly property: string;
  readonly id: string;
}

const MICRODATA: Markup = { scope: 'itemscope', type: 'itemtype', property: 'itemprop', id: 'itemid' };
const RDFA: Markup = { scope: 'typeof', type: 'typeof', property: 'property', id: 'resource' };

/**
 * Returns the products of schema.org microdata in the form of JSON-LD, so that both share a reader.
 */
export function readMicrodata($: CheerioAPI): unknown[] {
  return readProducts($, MICRODATA, PRODUCT);
}

/** Returns the products of RDFa Lite (`typeof`, `property`), as `readMicrodata` does. */
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

/** The position of an element in the order of the page, and that of its last descendant. */
interface Range {
  readonly first: number;
  last: number;
}

interface PropertyIndex {
  /** Elements with a scope, in document order, except those of products of other pages. */
  readonly items: PageElement[];
  /** Properties by their nearest ancestor with a scope; the key is undefined if there is none. */
  readonly properties: Map<PageElement | undefined, PageElement[]>;
  /** Elements with an id, and the nearest ancestor with a scope for each. */
  readonly owners: Map<PageElement, PageElement | undefined>;
  /** Ranges of the elements with a property or an id. */
  readonly ranges: Map<PageElement, Range>;
  /** Values of the properties that were already read. */
  readonly values: Map<PageElement, string>;
}

/**
 * Walks the page once, without recursion: a selector per item takes quadratic time on nested items.
 */
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
  /** Set for the step that comes after all descendants of the node. */
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

/**
 * Returns the properties that `itemref` adds to an item: those of the elements with these ids, and
 * of their descendants.
 */
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

/**
 * Returns the index of the first property at or after `order`. `properties` must be in document
 * order.
 */
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

/** Properties whose value is an address even if the link has text. */
const ADDRESS = /url|image|sameAs|availability|condition|logo/i;

/**
 * Returns the value of a property: `content` if the element has it (shops put it on any tag),
 * otherwise the address in the tag, otherwise its text.
 */
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
