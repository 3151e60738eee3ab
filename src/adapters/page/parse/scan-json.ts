/** Deeper values are skipped. Real state has about a dozen levels. */
const MAX_DEPTH = 100;
/** Shorter values contain no product. */
const MIN_LENGTH = 20;
/** Limits memory for a page with many small literals. */
const MAX_VALUES = 20_000;

/**
 * The maximum length of a comment. Otherwise an unclosed comment would be read to the end of the
 * page from each bracket.
 */
const MAX_COMMENT = 500;

const NUMBER = /-?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?/iy;
const WORD = /[\p{L}_$][\p{L}\p{N}_$.]*|![01]/uy;

interface Level {
  readonly value: unknown[] | Record<string, unknown>;
  readonly start: number;
  key: string | undefined;
}

/**
 * Returns the objects and arrays that are literals in a script: JSON, and JavaScript that is
 * similar to JSON (unquoted keys, single quotes, trailing commas, comments). Variables and calls
 * become null. Runs nothing. If a literal turns out to be code, stops there and keeps its finished
 * parts. Reads no character twice, so it takes linear time.
 */
export function scanJson(text: string): unknown[] {
  const found: unknown[] = [];
  const opener = /[{[]/g;
  for (let match = opener.exec(text); match !== null; match = opener.exec(text)) {
    opener.lastIndex = Math.max(match.index + 1, readLiteral(text, match.index, found));
    if (found.length >= MAX_VALUES) break;
  }
  return found;
}

/** Reads a literal from its opening bracket, adds it to `found`, and returns where it stopped. */
function readLiteral(text: string, start: number, found: unknown[]): number {
  const levels: Level[] = [];
  let at = start;
  for (;;) {
    at = skipSpace(text, at);
    const level = levels.at(-1);
    const char = text[at];
    if (level !== undefined && (char === '}' || char === ']')) {
      if ((char === ']') !== Array.isArray(level.value)) break;
      at += 1;
      levels.pop();
      const above = levels.at(-1);
      if (above === undefined) {
        if (at - level.start >= MIN_LENGTH) found.push(level.value);
        return at;
      }
      put(above, level.value);
      at = skipSpace(text, at);
      if (text[at] === ',') at += 1;
      continue;
    }
    if (level !== undefined && !Array.isArray(level.value)) {
      const key = readKey(text, at);
      if (key === undefined) break;
      [level.key, at] = key;
    }
    const opened = text[at];
    if (opened === '{' || opened === '[') {
      if (levels.length >= MAX_DEPTH) break;
      levels.push({ value: opened === '{' ? {} : [], start: at, key: undefined });
      at += 1;
      continue;
    }
    const scalar = level === undefined ? undefined : readScalar(text, at);
    if (scalar === undefined || level === undefined) break;
    put(level, scalar[0]);
    at = skipSpace(text, scalar[1]);
    if (text[at] === ',') at += 1;
    else if (text[at] !== '}' && text[at] !== ']') break;
  }
  keepParts(levels, found);
  return at;
}

/** Adds the finished values of an unfinished literal. */
function keepParts(levels: readonly Level[], found: unknown[]): void {
  for (const { value } of levels) {
    if (Array.isArray(value)) found.push(...value.filter((part) => typeof part === 'object').slice(0, 1000));
    else if (Object.keys(value).length > 2) found.push(value);
    else found.push(...Object.values(value).filter((part) => typeof part === 'object' && part !== null));
  }
}

function put(level: Level, value: unknown): void {
  if (Array.isArray(level.value)) level.value.push(value);
  else if (level.key !== undefined && level.key !== '__proto__') level.value[level.key] = value;
}

function readKey(text: string, at: number): [key: string, next: number] | undefined {
  const quoted = readString(text, at);
  let key = quoted?.[0];
  let next = quoted?.[1] ?? at;
  if (quoted === undefined) {
    next = Math.max(skip(WORD, text, at), skip(NUMBER, text, at));
    if (next === at) return undefined;
    key = text.slice(at, next);
  }
  next = skipSpace(text, next);
  if (text[next] !== ':' || key === undefined) return undefined;
  return [key, skipSpace(text, next + 1)];
}

function readScalar(text: string, at: number): [value: unknown, next: number] | undefined {
  const quoted = readString(text, at);
  if (quoted !== undefined) return quoted;
  const numberEnd = skip(NUMBER, text, at);
  if (numberEnd > at) return [Number(text.slice(at, numberEnd)), numberEnd];
  const wordEnd = skip(WORD, text, at);
  if (wordEnd === at) return undefined;
  const word = text.slice(at, wordEnd);
  return [
    word === 'true' || word === '!0' ? true : word === 'false' || word === '!1' ? false : null,
    wordEnd,
  ];
}

function readString(text: string, at: number): [value: string, next: number] | undefined {
  const quote = text[at];
  if (quote !== '"' && quote !== "'") return undefined;
  const end = findStringEnd(text, at);
  if (end === at) return undefined;
  return [undoEscapes(text.slice(at + 1, end - 1)), end];
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f', v: '\v' };

function undoEscapes(text: string): string {
  if (!text.includes('\\')) return text;
  return text.replace(/\\(?:u([\da-f]{4})|x([\da-f]{2})|([\s\S]))/gi, (_, long, short, char: string) =>
    char === undefined ? String.fromCharCode(Number.parseInt(long ?? short, 16)) : (ESCAPES[char] ?? char),
  );
}

/** Returns the end of a match that begins exactly at `at`, or `at` if there is none. */
function skip(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
}

/**
 * A regular expression would use stack for each character of a string, which may have megabytes.
 */
function findStringEnd(text: string, at: number): number {
  const quote = text.charCodeAt(at);
  for (let end = at + 1; end < text.length; end += 1) {
    const code = text.charCodeAt(end);
    if (code === quote) return end + 1;
    if (code === 0x0a) return at;
    if (code === 0x5c) end += 1;
  }
  return at;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code <= 0x20 || code === 0xa0 || code === 0xfeff) at += 1;
    else if (code !== 0x2f) return at;
    else {
      const kind = text[at + 1];
      if (kind !== '*' && kind !== '/') return at;
      const end = text.slice(at + 2, at + MAX_COMMENT).indexOf(kind === '*' ? '*/' : '\n');
      if (end < 0) return at;
      at += end + (kind === '*' ? 4 : 3);
    }
  }
}
