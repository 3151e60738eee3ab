import type { PageNode } from './walk-page.ts';

type ParentNode = NonNullable<PageNode['parent']>;

/** Returns the ancestors of a node, the nearest first, at most `levels` of them. */
export function listAncestors(node: PageNode, levels: number): ParentNode[] {
  const found: ParentNode[] = [];
  for (let above = node.parent; above !== null && found.length < levels; above = above.parent) {
    found.push(above);
  }
  return found;
}
