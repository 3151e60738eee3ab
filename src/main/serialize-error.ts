/** An error as the log shows it. */
interface SerializedError {
  readonly type: string;
  readonly message: string;
  /** An error code of this program, the system or the database. */
  readonly code?: string;
  readonly table?: string;
  readonly constraint?: string;
  /** The stack frames, without the message. */
  readonly stack: string;
  readonly cause?: SerializedError;
  readonly errors?: readonly SerializedError[];
}

const MAX_MESSAGE = 1000;
const MAX_DEPTH = 6;
/** The maximum number of errors taken from an `AggregateError`. */
const MAX_ERRORS = 3;

/**
 * Converts an error for the log. Includes only fields that are known to be harmless, because texts
 * of pages and answers must not be logged: the error of a failed statement also contains its
 * values, the database's own error the row, and an error of the JSON parser a part of the JSON.
 */
export function serializeError(error: unknown, depth = 0): SerializedError {
  if (!(error instanceof Error)) return { type: typeof error, message: cut(String(error)), stack: '' };
  const { code, table, constraint } = error as { code?: unknown; table?: unknown; constraint?: unknown };
  const hasMore = depth < MAX_DEPTH;
  const parts = error instanceof AggregateError ? error.errors.slice(0, MAX_ERRORS) : [];
  return {
    type: error.name,
    message: cut(readMessage(error)),
    ...(isName(code) ? { code } : {}),
    ...(isName(table) ? { table } : {}),
    ...(isName(constraint) ? { constraint } : {}),
    stack: readFrames(error),
    ...(hasMore && error.cause !== undefined ? { cause: serializeError(error.cause, depth + 1) } : {}),
    ...(hasMore && parts.length > 0 ? { errors: parts.map((part) => serializeError(part, depth + 1)) } : {}),
  };
}

function readMessage({ message, name }: Error): string {
  // Drizzle's message has the statement, then all its values in the next line.
  const [statement = ''] = message.split('\nparams:', 1);
  return name === 'SyntaxError' ? statement.replace(/"[\s\S]*"/, '"…"') : statement;
}

/** Returns the text after the message; empty if the message cannot be found in the stack. */
function readFrames({ stack = '', message }: Error): string {
  const start = stack.indexOf(message);
  return start < 0 ? '' : stack.slice(start + message.length).trimStart();
}

function cut(text: string): string {
  return text.length > MAX_MESSAGE ? `${text.slice(0, MAX_MESSAGE)}…` : text;
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length <= 100;
}
