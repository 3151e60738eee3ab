/**
 * Whether a path matches the pattern of a robots.txt rule (RFC 9309, section 2.2.3): from the beginning of the path on,
 * `*` stands for any characters, `$` at the end for the end of the path. Takes time linear in both.
 */
export function matchRobotsPath(pattern: string, path: string): boolean {
  const isWhole = pattern.endsWith('$');
  const [start = '', ...rest] = (isWhole ? pattern.slice(0, -1) : pattern).split('*');
  if (!path.startsWith(start)) return false;
  if (rest.length === 0) return !isWhole || path.length === start.length;
  const end = isWhole ? (rest.pop() ?? '') : '';
  // The first place where a part fits leaves the most room for the parts behind it.
  let at = start.length;
  for (const part of rest) {
    const found = findPart(path, part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at + end.length <= path.length && path.endsWith(end);
}

/** As `indexOf`, which takes time by the product of both lengths for parts such as `aaaab` (Knuth, Morris and Pratt). */
function findPart(path: string, part: string, from: number): number {
  if (part.length > path.length - from) return -1;
  // With few characters the product is small, and `indexOf` is native.
  if (part.length < 16) return path.indexOf(part, from);
  const borders = new Uint32Array(part.length);
  for (let at = 1, matched = 0; at < part.length; at += 1) {
    while (matched > 0 && part[at] !== part[matched]) matched = borders[matched - 1] ?? 0;
    if (part[at] === part[matched]) matched += 1;
    borders[at] = matched;
  }
  for (let at = from, matched = 0; at < path.length; at += 1) {
    while (matched > 0 && path[at] !== part[matched]) matched = borders[matched - 1] ?? 0;
    if (path[at] === part[matched]) matched += 1;
    if (matched === part.length) return at - part.length + 1;
  }
  return -1;
}
