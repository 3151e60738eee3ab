/** A shorter secret may be an ordinary word that occurs in many lines. */
const MIN_LENGTH = 8;

/** Patterns of secrets and of URLs with secrets, and their replacements. */
const PATTERNS: readonly [pattern: RegExp, shown: string][] = [
  // scheme://user:password@
  [/((?<![a-z\d+.-])[a-z][a-z\d+.-]*:\/\/[^\s:@/"'\\]*):[^\s@/"'\\]+@/gi, '$1:***@'],
  // The query may contain a signature. The pattern starts at the "?" and looks back, because
  // matching from the scheme would take quadratic time for a text of many "http://".
  [/(?<=\b(?:https?|postgres(?:ql)?):\/\/[^\s"'?\\]+)\?[^\s"'\\]+/gi, '?***'],
  [/\b(bearer|basic)\s+[\w.~+/=-]+/gi, '$1 ***'],
  // Tokens of workspaces and secrets of webhooks.
  [/\bcta_[\w-]{32}(?![\w-])/g, 'cta_***'],
  [/\bwhsec_[\w+/=-]+/g, 'whsec_***'],
];

/**
 * Returns a function that hides secrets in a line of the log: known secrets, also in URL encoding
 * or JSON, and text that looks like a secret. A line of JSON stays valid JSON.
 */
export function createSecretHider(secrets: readonly string[]): (line: string) => string {
  const known = new Set(
    secrets
      .flatMap((secret) => [secret, decode(secret), encodeURIComponent(secret)])
      .flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1)])
      .filter((secret) => secret.length >= MIN_LENGTH),
  );
  return (line) => {
    let hidden = line;
    for (const secret of known) hidden = hidden.replaceAll(secret, '***');
    for (const [pattern, shown] of PATTERNS) hidden = hidden.replace(pattern, shown);
    return hidden;
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
