/** The transaction in which a job is enqueued or taken. Only its connection is needed. */
export interface QueueTx {
  readonly $client: {
    query(statement: { name?: string; text: string; values: unknown[] }): Promise<{ rows: unknown[] }>;
  };
}

/** The interface through which pg-boss runs its statements. */
interface StatementRunner {
  executeSql(text: string, values?: unknown[]): Promise<{ rows: unknown[] }>;
}

/**
 * Maximum number of statements that are prepared per connection. pg-boss writes some limits into
 * the text, so the number of different texts has no fixed bound.
 */
const MOST_NAMES = 60;

/**
 * Makes pg-boss work in our transactions. Its statements repeat and are long: parsing and planning
 * took longer than execution, so each is prepared once per connection.
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
