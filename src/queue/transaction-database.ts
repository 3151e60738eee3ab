/** The transaction a job is put in or taken in, seen as little as is needed: its connection. */
export interface QueueTx {
  readonly $client: {
    query(statement: { name?: string; text: string; values: unknown[] }): Promise<{ rows: unknown[] }>;
  };
}

/** What pg-boss runs its statements on. */
interface StatementRunner {
  executeSql(text: string, values?: unknown[]): Promise<{ rows: unknown[] }>;
}

/** Texts that are prepared on a connection. There are some more where a limit is a part of the text. */
const MOST_NAMES = 60;

/**
 * Has pg-boss work in a transaction of ours. Its statements are the same again and again, and long: each is prepared once per
 * connection, where parsing and planning took longer than running it.
 */
export function createTransactionDatabase(): (tx: QueueTx) => StatementRunner {
  const names = new Map<string, string>();
  const nameOf = (text: string) => {
    if (!names.has(text) && names.size < MOST_NAMES) names.set(text, `job_statement_${names.size}`);
    return names.get(text);
  };
  return (tx) => ({
    async executeSql(text, values = []) {
      const name = nameOf(text);
      const { rows } = await tx.$client.query({ text, values, ...(name === undefined ? {} : { name }) });
      return { rows };
    },
  });
}
