/** An `Allow:` or `Disallow:` line that applies to us. */
export interface RobotsRule {
  readonly allow: boolean;
  /** Percent-encoded, even where the file is not, with uppercase hexadecimal digits. */
  readonly pattern: string;
}

/** More rules are ignored. Large shops have a few hundred. Each path is compared with each rule. */
export const MAX_RULES = 10_000;

/**
 * Returns the rules of a robots.txt (RFC 9309) for the product token `agent`, in lower case: those
 * of all groups that name it or, if there are none, of all groups for `*`. The first rule that
 * matches decides: longer rules come first, and of two rules of the same length, the one that
 * allows (section 2.2.2).
 */
export function readRobotsRules(text: string, agent: string): RobotsRule[] {
  const groups = new Map<string, RobotsRule[]>();
  const named = new Set<string>();
  let isNaming = false;
  for (const line of text.split(/\r\n|\r|\n/)) {
    const { key, value } = splitLine(line);
    if (key === '') continue;
    // The first agent after a rule begins a new group.
    if (key === 'user-agent' && !isNaming) named.clear();
    isNaming = key === 'user-agent';
    if (isNaming) {
      const name = value.split('/', 1)[0]?.trim().toLowerCase() ?? '';
      if (name === agent || name === '*') named.add(name);
      continue;
    }
    const isRule = key === 'allow' || key === 'disallow';
    // A group that has no rule but a pause between requests is a group too.
    if (!isRule && key !== 'crawl-delay') continue;
    for (const name of named) {
      const rules = groups.get(name) ?? [];
      groups.set(name, rules);
      if (isRule && value !== '' && rules.length < MAX_RULES)
        rules.push({ allow: key === 'allow', pattern: encode(value) });
    }
  }
  const rules = groups.get(agent) ?? groups.get('*') ?? [];
  return rules.sort((a, b) => b.pattern.length - a.pattern.length || Number(b.allow) - Number(a.allow));
}

/** The key is empty for a line that is not part of the format. */
function splitLine(line: string): { key: string; value: string } {
  const [words = ''] = line.split('#', 1);
  const at = words.indexOf(':');
  if (at < 0) return { key: '', value: '' };
  return { key: words.slice(0, at).trim().toLowerCase(), value: words.slice(at + 1).trim() };
}

function encode(pattern: string): string {
  return encodeURI(upperCaseEscapes(pattern).toWellFormed()).replaceAll('%25', '%');
}

/** Writes `%2f` as `%2F`: both are the same (RFC 3986, section 6.2.2.1). */
export function upperCaseEscapes(path: string): string {
  return path.replace(/%[0-9a-f]{2}/gi, (hex) => hex.toUpperCase());
}
