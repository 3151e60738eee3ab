import type { CheerioAPI } from 'cheerio';
import type { PageNode } from './walk-page.ts';

/** A tag of the page. */
export type PageElement = Extract<PageNode, { attribs: unknown }>;

/** Finds elements of one page by tag or attribute, in document order. */
export interface PageElements {
  byTag(name: string): readonly PageElement[];
  /** Returns the elements that have at least one of the attributes. */
  withAttribute(...names: readonly string[]): readonly PageElement[];
}

const known = new WeakMap<CheerioAPI, PageElements>();

/**
 * Indexes the elements of a page that is not changed any more. Each selector would walk the whole
 * page, and there are more than a dozen searches. Works without recursion.
 */
export function elementsOf($: CheerioAPI): PageElements {
  let elements = known.get($);
  if (elements === undefined) {
    elements = indexElements($.root().toArray());
    known.set($, elements);
  }
  return elements;
}

function indexElements(roots: readonly PageNode[]): PageElements {
  const all: PageElement[] = [];
  const tags = new Map<string, PageElement[]>();
  const waiting: PageNode[] = [...roots];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if ('attribs' in node) {
      all.push(node);
      const same = tags.get(node.name);
      if (same === undefined) tags.set(node.name, [node]);
      else same.push(node);
    }
    if (!('children' in node)) continue;
    for (let at = node.children.length - 1; at >= 0; at -= 1) {
      const child = node.children[at];
      if (child !== undefined && child.type !== 'text') waiting.push(child);
    }
  }
  return {
    byTag: (name) => tags.get(name) ?? [],
    withAttribute: (...names) =>
      all.filter(({ attribs }) => names.some((name) => attribs[name] !== undefined)),
  };
}
