/** The codes and messages in the body of an error response. */
export interface ErrorBody {
  /** Names such as `content_filter` or `API_KEY_INVALID`. */
  readonly codes: readonly string[];
  /**
   * Sentences. They may quote the request and so the text of a page: no decision that affects other
   * requests may depend on them.
   */
  readonly messages: readonly string[];
}

const CODE_KEY = /^(error_?)?(code|type|status|reason)$|^(finish|block)_?reason$/i;
const MESSAGE_KEY = /^(error_?)?(message|msg)$|^(error|detail|title)$/i;
/** OpenRouter puts the answer of the service behind it here, as text. */
const RAW_KEY = 'raw';

const MAX_DEPTH = 8;
/** A limit, because some services send the whole request back. */
const MAX_VALUES = 500;
const MAX_LENGTH = 2000;

/**
 * Collects codes and messages from an error body of any shape: `error` may be an object, a text, or
 * one of a list, and the reason may be nested (`innererror`, `details[].reason`).
 */
export function readErrorBody(body: unknown): ErrorBody {
  const codes: string[] = [];
  const messages: string[] = [];
  let left = MAX_VALUES;

  function visit(value: unknown, depth: number): void {
    if (value === null || typeof value !== 'object' || depth > MAX_DEPTH) return;
    // `Object.entries` would list all keys before the limit applies.
    for (const key in value) {
      if (left <= 0) return;
      left -= 1;
      const inner: unknown = (value as Record<string, unknown>)[key];
      if (typeof inner !== 'string') visit(inner, depth + 1);
      else if (CODE_KEY.test(key)) codes.push(inner.slice(0, MAX_LENGTH));
      else if (MESSAGE_KEY.test(key)) messages.push(inner.slice(0, MAX_LENGTH));
      else if (key === RAW_KEY) visit(parse(inner), depth + 1);
    }
  }
  visit(body, 0);
  return { codes, messages };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
