/**
 * A robots.txt without the groups that are for none of `agents`, and without any other agent in those that are left. The
 * parser keeps each rule once for each agent of its group: a file of 500 KB that names thousands of both would take gigabytes.
 *
 * `agents` in lower case; `*` is one of them only if it is given.
 */
export function pickGroups(text: string, agents: readonly string[]): string {
  const kept: string[] = [];
  const named = new Set<string>();
  let isNaming = false;
  for (const line of text.split(/\r\n|\r|\n/)) {
    const { key, value } = splitLine(line);
    if (key === '') continue;
    // The first agent after a rule begins a new group.
    if (key === 'user-agent' && !isNaming) named.clear();
    isNaming = key === 'user-agent';
    if (!isNaming) {
      if (named.size > 0) kept.push(line);
      continue;
    }
    const agent = value.split('/', 1)[0]?.trim().toLowerCase() ?? '';
    if (!agents.includes(agent) || named.has(agent)) continue;
    named.add(agent);
    kept.push(line);
  }
  return kept.join('\n');
}

/** The key is empty for what is no line of a robots.txt. */
function splitLine(line: string): { key: string; value: string } {
  const [words = ''] = line.split('#', 1);
  const at = words.indexOf(':');
  if (at < 0) return { key: '', value: '' };
  return { key: words.slice(0, at).trim().toLowerCase(), value: words.slice(at + 1).trim() };
}
