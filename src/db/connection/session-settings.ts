/**
 * Settings that the program needs in every session, whatever the role, the database or the server
 * has configured: how values are written, what a transaction sees, and that no time-out ends long
 * work.
 */
const FIXED: Readonly<Record<string, string>> = {
  client_encoding: 'UTF8',
  DateStyle: 'ISO, MDY',
  IntervalStyle: 'postgres',
  TimeZone: 'UTC',
  bytea_output: 'hex',
  extra_float_digits: '1',
  standard_conforming_strings: 'on',
  array_nulls: 'on',
  transform_null_equals: 'off',
  quote_all_identifiers: 'off',
  // Our statements name the schema of every object, so objects that others put into `public` are
  // never used by mistake.
  search_path: 'pg_catalog',
  row_security: 'on',
  default_transaction_isolation: 'read committed',
  default_transaction_deferrable: 'off',
  exit_on_error: 'off',
  idle_session_timeout: '0',
};

/** Since PostgreSQL 17. Set only if the server knows it. */
const NEW: Readonly<Record<string, string>> = { transaction_timeout: '0' };

/** Time-outs of a session in milliseconds; 0 is none. */
export interface SessionTimeouts {
  readonly statement_timeout: number;
  readonly lock_timeout: number;
  readonly idle_in_transaction_session_timeout: number;
}

/**
 * Returns one statement that sets them. They are not startup parameters, because poolers refuse
 * most of those and the driver leaves out a time-out of 0.
 */
export function writeSessionSetup(timeouts: SessionTimeouts): string {
  const set = ([name, value]: [string, string | number]) => `set_config('${name}', '${value}', false)`;
  return `select ${[
    ...[...Object.entries(FIXED), ...Object.entries(timeouts)].map(set),
    ...Object.entries(NEW).map(
      (entry) => `case when current_setting('${entry[0]}', true) is not null then ${set(entry)} end`,
    ),
  ].join(', ')}`;
}
