/**
 * Whether a path matches the pattern of a robots.txt rule (RFC 9309, section 2.2.3). The match
 * begins at the start of the path. `*` matches any characters, and `$` at the end matches the end
 * of the path. Takes time linear in both.
 */
export function matchRobotsPath(pattern: string, path: string): boolean {
  const isWhole = pattern.endsWith('$');
  const [start = '', ...rest] = (isWhole ? pattern.slice(0, -1) : pattern).split('*');
  if (!path.startsWith(start)) return false;
  if (rest.length === 0) return !isWhole || path.length === start.length;
  const end = isWhole ? (rest.pop() ?? '') : '';
  // The first match of a part leaves the most room for the next parts.
  let at = start.length;
  for (const part of rest) {
    const found = findPart(path, part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at + end.length <= path.length && path.endsWith(end);
}

/**
 * Works as `indexOf` does, but in linear time (Knuth, Morris and Pratt). For parts such as `aaaab`,
 * the time of `indexOf` grows with the product of both lengths.
 */
function findPart(path: string, part: string, from: number): number {
  if (part.length > path.length - from) return -1;
  // For a short part the product is small, and `indexOf` is native.
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
