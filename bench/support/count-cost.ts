import type { StageDatabase } from './stage-database.ts';

/** The total cost of some work for the database. */
export interface Cost {
  /** Without begin, commit and rollback. */
  readonly statements: number;
  readonly transactions: number;
  /** Milliseconds in the server. */
  readonly executionMs: number;
  readonly walBytes: number;
  /** Growth of all tables and indexes, including the queue's. */
  readonly storedBytes: number;
  readonly top: readonly StatementCost[];
}

/** The cost of one kind of statement. */
export interface StatementCost {
  readonly query: string;
  readonly calls: number;
  readonly ms: number;
  readonly blocks: number;
}

const STATE = `/* bench */ select pg_current_wal_insert_lsn() - '0/0'::pg_lsn as wal,
  (select sum(pg_total_relation_size(c.oid)) from pg_class c
   where c.relkind in ('r', 'm') and c.relnamespace in ('cta'::regnamespace, 'cta_jobs'::regnamespace)) as stored`;

/** Runs `work` and returns its cost. Nothing else may use the server meanwhile. */
export async function countCost({ pool }: StageDatabase, work: () => Promise<void>): Promise<Cost> {
  await pool.query('select pg_stat_statements_reset()');
  const before = await readState();
  await work();
  const after = await readState();
  const { rows: statements } = await pool.query<StatementCost>(`/* bench */
    select query, calls::int, total_exec_time as ms, (shared_blks_hit + shared_blks_read)::float8 as blocks
    from pg_stat_statements s join pg_database d on d.oid = s.dbid
    where d.datname = current_database() and query !~ '/[*] bench|pg_stat_statements'
    order by total_exec_time desc`);
  const isFrame = ({ query }: StatementCost) => /^(begin|commit|rollback)/i.test(query);
  const sum = (rows: readonly StatementCost[], key: 'calls' | 'ms') =>
    rows.reduce((total, row) => total + row[key], 0);
  return {
    statements: sum(
      statements.filter((row) => !isFrame(row)),
      'calls',
    ),
    transactions: sum(
      statements.filter((row) => /^commit/i.test(row.query)),
      'calls',
    ),
    executionMs: sum(statements, 'ms'),
    walBytes: after.wal - before.wal,
    storedBytes: after.stored - before.stored,
    top: statements.filter((row) => !isFrame(row)).slice(0, 25),
  };

  async function readState() {
    const { rows } = await pool.query<{ wal: string; stored: string }>(STATE);
    return { wal: Number(rows[0]?.wal), stored: Number(rows[0]?.stored) };
  }
}
