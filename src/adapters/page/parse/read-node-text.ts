import type { PageNode } from './walk-page.ts';

/** Far more than any field keeps, including white space and markup. */
export const MAX_NODE_TEXT = 20_000;

/**
 * Returns the text below a node, up to `MAX_NODE_TEXT` UTF-16 units or a little more. Works without
 * recursion and stops early: hundreds of nested elements may each need the same text.
 *
 * @param without tags in lower case whose text is left out.
 */
export function readNodeText(node: PageNode, without: ReadonlySet<string> = NONE): string {
  let text = '';
  const waiting: PageNode[] = [node];
  for (let next = waiting.pop(); next !== undefined && text.length < MAX_NODE_TEXT; next = waiting.pop()) {
    if (next.type === 'text') text += next.data;
    if (!('children' in next) || ('name' in next && without.has(next.name))) continue;
    for (let at = next.children.length - 1; at >= 0; at -= 1) {
      const child = next.children[at];
      if (child !== undefined) waiting.push(child);
    }
  }
  return text;
}

const NONE: ReadonlySet<string> = new Set();
