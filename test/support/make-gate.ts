import { randomInt } from 'node:crypto';
import { Client } from 'pg';
import { poll } from './poll.ts';

/** A point at which transactions of the program wait until the test lets them continue. */
export interface Gate {
  /** Resolves when `count` transactions (1 by default) wait at the gate. */
  reached(count?: number): Promise<void>;
  /**
   * Terminates the sessions that wait at the gate. Needed after a kill, because PostgreSQL notices
   * that a client is gone only when it sends something to it.
   */
  forget(): Promise<void>;
  /** Lets the waiting transactions continue, and waits until they have ended. */
  pass(): Promise<void>;
  /** Lets all transactions continue, and removes the gate. */
  open(): Promise<void>;
}

/** The position of a gate. */
export interface GatePlace {
  /** Including its schema. */
  readonly table: string;
  readonly on: 'insert' | 'update';
  /** An SQL condition on the rows `old` and `new`. */
  readonly when: string;
  /** Wait in the commit instead of just before the row is written. */
  readonly atCommit?: boolean;
}

/** Makes a gate in a database. Transactions that write matching rows must pass through it. */
export async function makeGate(url: string, { table, on, when, atCommit }: GatePlace): Promise<Gate> {
  const key = randomInt(1, 2 ** 31);
  const name = `test_gate_${key}`;
  const client = new Client({ connectionString: url, application_name: 'gate' });
  await client.connect();
  await client.query('select pg_advisory_lock($1)', [key]);
  await client.query(`
    create function cta.${name}() returns trigger language plpgsql as $gate$ begin
      perform pg_advisory_xact_lock_shared(${key});
      return new;
    end $gate$`);
  const moment = atCommit ? `after ${on}` : `before ${on}`;
  await client.query(`
    create ${atCommit ? 'constraint' : ''} trigger ${name} ${moment} on ${table}
    ${atCommit ? 'deferrable initially deferred' : ''}
    for each row when (${when}) execute function cta.${name}()`);
  const waiting = `
    select pid from pg_locks
    where not granted and locktype = 'advisory' and objid = ${key}::oid
      and database = (select oid from pg_database where datname = current_database())`;
  const unlock = () => client.query('select pg_advisory_unlock($1)', [key]);

  return {
    async reached(count = 1) {
      const ask = async () => (await client.query(waiting)).rows.length;
      await poll(ask, (found) => found >= count, { everyMs: 20, timeoutMs: 60_000 });
    },
    async forget() {
      await client.query(`select pg_terminate_backend(pid, 5000) from (${waiting}) as those`);
    },
    async pass() {
      await unlock();
      await client.query('select pg_advisory_lock($1)', [key]);
    },
    async open() {
      // Unlock first: the waiting transactions hold locks on the table.
      await unlock();
      await client.query(`drop trigger ${name} on ${table}`);
      await client.query(`drop function cta.${name}`);
      await client.end();
    },
  };
}
