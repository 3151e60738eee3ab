import type { SessionFacts } from '../db/inspect-server.ts';

/** A reason why the program cannot work with a server at all. */
export interface SessionFault {
  readonly check: 'version' | 'encoding' | 'session' | 'read_only' | 'replication_role';
  readonly says: string;
}

const MIN_VERSION = 150_000;
/** `SQL_ASCII` stores bytes unchanged, so texts are read as they were written. */
const ENCODINGS = ['UTF8', 'SQL_ASCII'];

/** Returns the faults that `doctor` reports and that all other commands refuse to work with. */
export function findSessionFaults(facts: SessionFacts): SessionFault[] {
  const faults: SessionFault[] = [];
  const { versionNumber, version, encoding, keepsSession, readOnly, replicationRole, database, role } = facts;
  if (versionNumber < MIN_VERSION) {
    faults.push({
      check: 'version',
      says: `PostgreSQL ${version} is too old: version 15 or newer is required`,
    });
  }
  if (!ENCODINGS.includes(encoding)) {
    faults.push({
      check: 'encoding',
      says: `the database ${database} has the encoding ${encoding}, which cannot store all texts: create a database with encoding 'UTF8' template template0`,
    });
  }
  if (!keepsSession) {
    faults.push({
      check: 'session',
      says: 'there is a pooler in transaction mode, which breaks the session locks and LISTEN of workers: connect to the server directly, or through a pooler in session mode',
    });
  }
  if (readOnly === 'standby') {
    faults.push({
      check: 'read_only',
      says: 'the server is a standby, which is read-only: connect to the primary',
    });
  }
  if (readOnly === 'setting') {
    faults.push({
      check: 'read_only',
      says: `the session is read-only: default_transaction_read_only is on, for the role ${role}, for the database ${database} or for the whole server`,
    });
  }
  if (replicationRole !== 'origin') {
    faults.push({
      check: 'replication_role',
      says: `session_replication_role is ${replicationRole}, so foreign keys are not enforced: run alter role ${role} reset session_replication_role, and the same for the database`,
    });
  }
  return faults;
}
