import type { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import type { Client } from 'pg';
import { ConnectionError } from './connection-error.ts';

/** The part of the driver's connection that is used here. The types of `pg` do not declare it. */
interface DriverConnection extends EventEmitter {
  readonly stream: Duplex;
}

/** The messages of the only login that is bound to the server's certificate, in order. */
const LOGIN: readonly unknown[] = [
  'authenticationSASL',
  'authenticationSASLContinue',
  'authenticationSASLFinal',
  'authenticationOk',
];

const REQUESTS: ReadonlyMap<string | symbol, string> = new Map([
  ['authenticationCleartextPassword', 'asks for the password in clear text'],
  ['authenticationMD5Password', 'asks for an MD5 hash of the password'],
  ['authenticationSASL', 'does not offer SCRAM-SHA-256-PLUS'],
]);

/**
 * Closes a client's connection before the driver replies to any login but SCRAM-SHA-256-PLUS. Every
 * message is checked, not only the first: the driver sends the password whenever the server asks
 * for it, even after a failed login.
 *
 * @param server as errors name it.
 */
export function requireChannelBinding(client: Client, server: string): void {
  const { connection } = client as unknown as { connection: DriverConnection };
  const original = connection.emit;
  const emit = original.bind(connection);
  let step = 0;
  let hasFailed = false;

  const end = (error?: Error) => {
    hasFailed = true;
    connection.stream.destroy(error);
  };
  const isExpected = (name: unknown, message: unknown): boolean => {
    // A server that skips the login would otherwise be accepted.
    if (name === 'readyForQuery') return step === LOGIN.length;
    if (typeof name !== 'string' || !name.startsWith('authentication')) return true;
    if (name !== LOGIN[step]) return false;
    step += 1;
    return name !== 'authenticationSASL' || isBindingOffered(message);
  };

  // After the login, checking every row would cost time; nothing may ask for the password any more.
  const release = () => {
    connection.emit = original;
    for (const request of REQUESTS.keys()) connection.removeAllListeners(request);
  };

  connection.emit = (name: string | symbol, ...values: unknown[]): boolean => {
    if (name === 'error' || name === 'end') {
      const isHandled = emit(name, ...values);
      // The driver reports the failed login, but would continue to read messages.
      if (name === 'error' && step < LOGIN.length && !hasFailed) end();
      return isHandled;
    }
    if (hasFailed) return false;
    if (isExpected(name, values[0])) {
      if (name === 'readyForQuery') release();
      return emit(name, ...values);
    }
    const reason = REQUESTS.get(name) ?? 'accepts the connection without a complete SCRAM login';
    end(
      new ConnectionError(
        `DATABASE_URL’s server, ${server}, ${reason}, but channel_binding=require allows only SCRAM-SHA-256-PLUS: check that ` +
          'there is no proxy or pooler in between and that the server uses scram-sha-256, or remove channel_binding.',
      ),
    );
    return true;
  };
}

function isBindingOffered(message: unknown): boolean {
  const { mechanisms } = message as { mechanisms?: readonly string[] };
  return mechanisms?.includes('SCRAM-SHA-256-PLUS') === true;
}
