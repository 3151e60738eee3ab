import type { PageNode } from './walk-page.ts';

type ParentNode = NonNullable<PageNode['parent']>;

/** What a node stands in, the nearest first, at most so many levels up. */
export function listAncestors(node: PageNode, levels: number): ParentNode[] {
  const found: ParentNode[] = [];
  for (let above = node.parent; above !== null && found.length < levels; above = above.parent) {
    found.push(above);
  }
  return found;
}
