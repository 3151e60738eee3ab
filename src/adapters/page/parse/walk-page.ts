import type { CheerioAPI } from 'cheerio';
import { hasWordPair, type WordPair } from './has-word-pair.ts';
import { elementsOf } from './page-elements.ts';

type Elements = ReturnType<CheerioAPI>;
/** A node of the parsed page. */
export type PageNode = NonNullable<Elements[0]>;

/** A node that may be visible, with the properties that it inherits from its ancestors. */
export interface Visit {
  readonly node: PageNode;
  /** Tag name in lower case; empty for a text node. */
  readonly tag: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** Class, id, property and test names of this node, in lower case. */
  readonly names: string;
  /** Crossed out, or in an element with a name such as "old price". */
  readonly isStruck: boolean;
  /** In the header, footer or side of the page, or among other products. */
  readonly isAside: boolean;
  /** Hidden until a script shows it. */
  readonly isHidden: boolean;
  /** In an element that the shop calls its product gallery. */
  readonly isGallery: boolean;
}

/** The rest of a page with more nodes is not read. */
const MAX_NODES = 200_000;

const HIDDEN: ReadonlySet<string> = new Set([
  'script',
  'style',
  'template',
  'svg',
  'select',
  'iframe',
  'head',
]);
const STRUCK: ReadonlySet<string> = new Set(['del', 's', 'strike']);
const STRUCK_NAMES =
  /(?:^|[\s_-])(?:old|was|before|strike|striked|strikethrough|crossed|rrp|msrp|uvp|list-?price|regular-?price-?old|instead)(?:$|[\s_-])|(?:old|was|list|prev|previous|original|crossed|compare)-?_?price|price-?_?(?:old|was|before|list|strike|crossed)/;
const ASIDE: ReadonlySet<string> = new Set(['header', 'nav', 'footer', 'aside']);
const ASIDE_NAMES =
  /(?:^|[\s_-])(?:related|recommend\w*|similar|upsell|cross-?sell\w*|also|recently|viewed|footer|navbar|menu|breadcrumbs?|reviews?|minicart|mini-cart|accessor\w+|complementary|you-may|suggest\w*|sponsored)(?:$|[\s_-])/;
const GALLERY_NAMES = /gallery|zoom|fotorama|magnif/;
/** Pairs of words that together name a gallery, in this order. */
const GALLERY_PAIRS: readonly WordPair[] = [
  [/product/, /image|photo|picture|media/],
  [/image|photo|media|main/, /slider|carousel|viewer/],
  [/main/, /image/],
];

/**
 * Returns every visible node of the page in document order. The ancestors of the main heading never
 * count as an aside, whatever their class. Works without recursion, because pages may nest to any
 * depth.
 */
export function walkPage($: CheerioAPI, heading: PageNode | undefined): Visit[] {
  const aroundHeading = new Set<unknown>();
  for (let node: PageNode | null = heading ?? null; node !== null; node = node.parent)
    aroundHeading.add(node);

  const visits: Visit[] = [];
  const [body] = elementsOf($).byTag('body');
  const waiting: { node: PageNode; above: Visit | undefined }[] = body
    ? [{ node: body, above: undefined }]
    : [];
  while (waiting.length > 0 && visits.length < MAX_NODES) {
    const { node, above } = waiting.pop() as { node: PageNode; above: Visit | undefined };
    const visit = look(node, above, aroundHeading);
    if (visit === undefined) continue;
    visits.push(visit);
    if (!('children' in node)) continue;
    for (let at = node.children.length - 1; at >= 0; at -= 1) {
      const child = node.children[at];
      if (child !== undefined) waiting.push({ node: child, above: visit });
    }
  }
  return visits;
}

function look(
  node: PageNode,
  above: Visit | undefined,
  aroundHeading: ReadonlySet<unknown>,
): Visit | undefined {
  if (node.type === 'text') {
    return { ...(above ?? NOTHING), node, tag: '', attributes: {}, names: '' };
  }
  if (!('attribs' in node) || HIDDEN.has(node.name)) return undefined;
  const attributes = node.attribs;
  const names = NAME_ATTRIBUTES.map((name) => attributes[name] ?? '')
    .join(' ')
    .toLowerCase();
  const isOuter = aroundHeading.has(node);
  return {
    node,
    tag: node.name,
    attributes,
    names,
    isStruck: (above?.isStruck ?? false) || STRUCK.has(node.name) || STRUCK_NAMES.test(names),
    isAside: !isOuter && ((above?.isAside ?? false) || ASIDE.has(node.name) || ASIDE_NAMES.test(names)),
    isHidden: !isOuter && ((above?.isHidden ?? false) || isHidden(attributes)),
    isGallery: !isOuter && ((above?.isGallery ?? false) || isGalleryName(names)),
  };
}

function isGalleryName(names: string): boolean {
  return GALLERY_NAMES.test(names) || hasWordPair(names, GALLERY_PAIRS);
}

/**
 * Returns the words of a text node with collapsed white space, or an empty string for other nodes.
 */
export function textOf(visit: Visit | undefined): string {
  if (visit?.tag !== '') return '';
  const { node } = visit;
  return 'data' in node && typeof node.data === 'string' ? node.data.replace(/\s+/g, ' ').trim() : '';
}

const NAME_ATTRIBUTES = [
  'class',
  'id',
  'itemprop',
  'data-testid',
  'data-test',
  'data-test-id',
  'data-qa',
  'data-qa-qualifier',
  'data-cy',
  'data-hook',
];

const NOTHING = { isStruck: false, isAside: false, isHidden: false, isGallery: false };

function isHidden(attributes: Readonly<Record<string, string>>): boolean {
  if (attributes.hidden !== undefined) return true;
  return (
    /display\s*:\s*none/i.test(attributes.style ?? '') ||
    /(?:^|\s)(?:hidden|d-none|hide|is-hidden|u-hidden)(?:$|\s)/.test(attributes.class ?? '')
  );
}
