/** An error as it stands in the log. */
interface SerializedError {
  readonly type: string;
  readonly message: string;
  /** A code of ours, the system's or the database's. */
  readonly code?: string;
  readonly table?: string;
  readonly constraint?: string;
  /** Where it was made, without its message. */
  readonly stack: string;
  readonly cause?: SerializedError;
  readonly errors?: readonly SerializedError[];
}

const LONGEST_MESSAGE = 1000;
const DEEPEST = 6;
/** Of an error that is made of several. */
const MOST_ERRORS = 3;

/**
 * An error for the log, by what is known to be harmless: a failed statement also holds its values, the database's own error the row
 * that it is about, and a broken JSON a piece of it: the texts of pages and answers. Those are left out.
 */
export function serializeError(error: unknown, depth = 0): SerializedError {
  if (!(error instanceof Error)) return { type: typeof error, message: cut(String(error)), stack: '' };
  const { code, table, constraint } = error as { code?: unknown; table?: unknown; constraint?: unknown };
  const goesOn = depth < DEEPEST;
  const parts = error instanceof AggregateError ? error.errors.slice(0, MOST_ERRORS) : [];
  return {
    type: error.name,
    message: cut(readMessage(error)),
    ...(isName(code) ? { code } : {}),
    ...(isName(table) ? { table } : {}),
    ...(isName(constraint) ? { constraint } : {}),
    stack: readFrames(error),
    ...(goesOn && error.cause !== undefined ? { cause: serializeError(error.cause, depth + 1) } : {}),
    ...(goesOn && parts.length > 0 ? { errors: parts.map((part) => serializeError(part, depth + 1)) } : {}),
  };
}

function readMessage({ message, name }: Error): string {
  // Drizzle's: the statement, and in the next line all its values.
  const [statement = ''] = message.split('\nparams:', 1);
  return name === 'SyntaxError' ? statement.replace(/"[\s\S]*"/, '"…"') : statement;
}

/** What follows the message; nothing if that cannot be told apart. */
function readFrames({ stack = '', message }: Error): string {
  const start = stack.indexOf(message);
  return start < 0 ? '' : stack.slice(start + message.length).trimStart();
}

function cut(text: string): string {
  return text.length > LONGEST_MESSAGE ? `${text.slice(0, LONGEST_MESSAGE)}…` : text;
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length <= 100;
}
