import { AppError } from '../lib/app-error.ts';

/**
 * An unreadable input. Only its own call fails, with `error`; other calls of the request do not.
 */
export class InvalidInput {
  readonly error: AppError;

  constructor(message: string) {
    this.error = new AppError('validation', { errors: [{ path: [], message }] });
  }
}

const NOT_AN_ENVELOPE = 'must be an object such as {"json": …}';
const UNKNOWN_META = 'has an unsupported "meta": it may only mark existing paths as undefined';

/**
 * Reads an input as tRPC's clients with superjson send it: the value under `json`. Of superjson's
 * annotations under `meta` only `undefined` is applied, because no input contains a date, a set or
 * a map. To apply the others would let a client create values of any size: superjson gives an array
 * the length that its annotation names.
 *
 * @returns the value, or an `InvalidInput`, in time linear in the size of the input.
 */
export function readTrpcInput(sent: unknown): unknown {
  if (!isRecord(sent)) return new InvalidInput(NOT_AN_ENVELOPE);
  const { json, meta } = sent;
  if (meta === undefined || meta === null) return json;
  if (!isRecord(meta) || Object.keys(meta).some((key) => key !== 'values' && key !== 'v')) {
    return new InvalidInput(UNKNOWN_META);
  }
  const { values } = meta;
  if (values === undefined) return json;
  if (isUndefinedMark(values)) return undefined;
  if (!isRecord(values)) return new InvalidInput(UNKNOWN_META);
  for (const [path, mark] of Object.entries(values)) {
    if (!isUndefinedMark(mark) || !setUndefined(json, splitPath(path))) return new InvalidInput(UNKNOWN_META);
  }
  return json;
}

/** Returns whether it is superjson's annotation of an `undefined` value. */
function isUndefinedMark(value: unknown): boolean {
  return Array.isArray(value) && value.length === 1 && value[0] === 'undefined';
}

/** Sets an existing entry to undefined. Returns whether it exists. */
function setUndefined(root: unknown, path: readonly string[]): boolean {
  let holder = root;
  for (const key of path.slice(0, -1)) {
    if (!hasEntry(holder, key)) return false;
    holder = holder[key];
  }
  const last = path.at(-1);
  if (last === undefined || !hasEntry(holder, last)) return false;
  holder[last] = undefined;
  return true;
}

function hasEntry(holder: unknown, key: string): holder is Record<string, unknown> {
  const isEntry = Array.isArray(holder) ? /^(?:0|[1-9]\d{0,9})$/.test(key) : isRecord(holder);
  return isEntry && key !== '__proto__' && Object.hasOwn(holder as object, key);
}

/**
 * Splits a path of superjson into its keys. A dot separates keys; a backslash escapes a dot or a
 * backslash within a key.
 */
function splitPath(path: string): string[] {
  const keys = [''];
  for (let at = 0; at < path.length; at += 1) {
    const character = path[at] ?? '';
    const isEscape = character === '\\' && (path[at + 1] === '.' || path[at + 1] === '\\');
    if (character === '.') keys.push('');
    else if (isEscape) {
      at += 1;
      keys[keys.length - 1] += path[at] ?? '';
    } else keys[keys.length - 1] += character;
  }
  return keys;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
