import { randomInt } from 'node:crypto';
import { Client } from 'pg';
import { poll } from './poll.ts';

/** A place at which the program's transactions wait until the test lets them go on. */
export interface Gate {
  /** Resolves when so many (1) wait at it. */
  reached(count?: number): Promise<void>;
  /**
   * Ends the sessions that wait at it. For after a kill: a session whose process is gone notices only when it has
   * something to say.
   */
  forget(): Promise<void>;
  /** Lets through who waits at it now, and waits until their transactions are over. */
  pass(): Promise<void>;
  /** Lets everyone through, for good. */
  open(): Promise<void>;
}

/** Where a gate is. */
export interface GatePlace {
  /** With its schema. */
  readonly table: string;
  readonly on: 'insert' | 'update';
  /** Of the rows `old` and `new`. */
  readonly when: string;
  /** Waits in the commit, in place of just before the row is written. */
  readonly atCommit?: boolean;
}

/** Makes a gate in a database, through which all transactions must that write such rows. */
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
      // First the lock: who waits at the gate holds the table.
      await unlock();
      await client.query(`drop trigger ${name} on ${table}`);
      await client.query(`drop function cta.${name}`);
      await client.end();
    },
  };
}
