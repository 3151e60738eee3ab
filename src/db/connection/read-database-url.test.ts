import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DatabaseUrlError } from './database-url-error.ts';
import { readDatabaseUrl } from './read-database-url.ts';

function refuse(url: string): string {
  try {
    readDatabaseUrl(url);
  } catch (error) {
    if (error instanceof DatabaseUrlError) return error.message;
    throw error;
  }
  throw new Error(`taken: ${url}`);
}

test.each([
  'postgres://cta:geheim/pa@host/cta',
  'postgres://cta:geheim#pa@host/cta',
  'postgres://cta:geheim?pa@host/cta',
  'postgres://cta:12/geheim@host/cta',
  'postgres://cta:12#geheim@host/cta',
  'postgres://cta:12?geheim@host/cta',
  'postgres://cta:p@geheim/pa@host/cta',
  'postgres://cta:geheim%e9@host/cta',
  'postgres://cta:x@y:geheim/z?w@host/cta',
  'postgres://cta:x@geheim$/z?w@host/cta',
  'postgres://cta:x@y/z?geheim=w@host/cta',
  'postgres://cta:x@y/z?sslmode=geheim@host/cta',
  'postgres://cta:x@y/z?geheim=w&options=v@host/cta',
  'postgres://cta:x@<geheim>/z?w@host/cta',
  'postgres://cta:x/<geheim>?w@host/cta',
])('%s: explains how to write a password, and does not show it', (url) => {
  const message = refuse(url);
  expect(message).toMatch(/write \/ as %2F, # as %23, \? as %3F, @ as %40, and % as %25/);
  expect(message).not.toContain('geheim');
});

test('never shows a part of a password, whatever characters it has', () => {
  const letters = ['Q', 'X', 'Z', 'J', '7', '9'];
  const marks = [...'/?#@:%$&=,;[]<>{}()\'"`\\|^+ _-.'];
  const passwords = fc.string({
    unit: fc.oneof(
      { weight: 2, arbitrary: fc.constantFrom(...letters) },
      { weight: 1, arbitrary: fc.constantFrom(...marks) },
      { weight: 1, arbitrary: fc.constantFrom('QXZJ', '7979', '$QXZ', '<QXZJ>', '/QXZ?J') },
    ),
    maxLength: 24,
  });
  fc.assert(
    fc.property(passwords, (password) => {
      let message = '';
      try {
        expect(readDatabaseUrl(`postgres://user:${password}@host/db`).host).toBe('host');
      } catch (error) {
        if (!(error instanceof DatabaseUrlError)) throw error;
        message = error.message;
      }
      for (let start = 0; start + 4 <= password.length; start += 1) {
        const part = password.slice(start, start + 4);
        // The advice contains punctuation too, so only parts with a letter or digit count.
        if (/[QXZJ79]/.test(part)) expect(message).not.toContain(part);
      }
    }),
    { numRuns: 5000 },
  );
});

test.each([
  ['mysql://host/cta', /^must begin with postgres:\/\//],
  ['"postgres://host/cta"', /^must begin with postgres:\/\//],
  ['postgres://user:password@host:port/database', /^has a port that is not a number \(it is "port"\)/],
  ['postgres://u:p@host:70000/cta', /^has the port 70000; a port is a number from 1 to 65535/],
  ['postgres://u:p@host:0/cta', /^has the port 0;/],
  ['postgres://[user]:[password]@[host]/db', /placeholder for the user \(\[user\]\)/],
  ['postgres://u:[YOUR-PASSWORD]@host/db', /placeholder for the password:/],
  ['postgres://u:<password>@host/db', /placeholder for the password:/],
  [`postgres://u:\${DB_PASSWORD}@host/db`, /placeholder for the password:/],
  ['postgres://u:p@$DB_HOST/db', /placeholder for the host \(\$DB_HOST\)/],
  ['postgres://u:p@host:$DB_PORT/db', /placeholder for the port \(\$DB_PORT\)/],
  ['postgres://u:p@db.<ref>.example/db', /characters in its host/],
  [
    'postgres://u:p@a:5432,b:5432/cta?target_session_attrs=read-write',
    /several hosts, .+ pooler or a virtual/,
  ],
  ['postgres://u:p@/cta?host=a,b', /several hosts/],
  [
    'postgres://u:p@host/cta?sslMode=require',
    /"sslMode" that PostgreSQL does not know: did you mean sslmode\?/,
  ],
  ['postgres://u:p@host/cta?connectTimeout=3', /did you mean connect_timeout\?/],
  ['postgres://u:p@host/cta?schema=public', /a parameter "schema" that PostgreSQL does not know: remove it/],
  [
    'postgres://u:p@host/cta?sslmode=required',
    /sslmode=required; it must be one of disable, allow, prefer, require,/,
  ],
  ['postgres://u:p@host/cta?ssl=yes', /ssl=yes; it must be one of true, false, 1, 0/],
  [
    'postgres://u:p@host/cta?sslrootcert=system&sslmode=require',
    /sslrootcert=system, which needs sslmode=verify-full/,
  ],
  ['postgres://u:p@host/cta?sslcert=a.pem', /sslcert without sslkey/],
  ['postgres://u:p@host/cta?sslnegotiation=direct&sslmode=prefer', /sslnegotiation=direct, which needs/],
  ['postgres://u:p@host/cta?target_session_attrs=standby', /read-only server/],
  ['postgres://u:p@host/cta?gssencmode=require', /gssencmode=require/],
  ['postgres://u:p@host/cta?client_encoding=LATIN1', /client_encoding/],
  ['postgres://u:p@host/cta?connect_timeout=soon', /connect_timeout=soon; it must be a whole number/],
  [
    'postgres://u:p@host/cta?sslmode=disable&channel_binding=require',
    /channel_binding=require together with sslmode=disable/,
  ],
  ['postgres://u:p@host/cta?ssl=false&channel_binding=require', /together with sslmode=disable/],
  ['postgres://u:p@/cta?host=/run/pg&channel_binding=require', /together with the folder of a Unix socket/],
  ['postgres://u:p@host/cta?sslcertmode=require', /sslcertmode, which this program does not support/],
  ['postgres://u:p@host/cta?service=x', /service, which this program does not support/],
])('rejects %s', (url, reason) => {
  expect(refuse(url)).toMatch(reason);
});

test.each([
  ['postgres://u:p@host:6432/db', { host: 'host', port: 6432, user: 'u', password: 'p', database: 'db' }],
  ['postgresql://u@host', { port: 5432, database: 'u', password: undefined }],
  ['postgres://u:a@b:c%ss[x]+@host/db', { password: 'a@b:c%ss[x]+', host: 'host' }],
  ['postgres://u:%2F%23%3F%25%40%5B@host/db', { password: '/#?%@[' }],
  ['postgres://u:p@[::1]:6432/db', { host: '::1', port: 6432 }],
  ['postgres://u:p@/db?host=/run/pg&port=6432', { host: '/run/pg', port: 6432 }],
  ['postgres:///db?host=/run/pg&user=u', { host: '/run/pg', user: 'u' }],
  ['postgres://u:p@%2Frun%2Fpg:6432/db', { host: '/run/pg', port: 6432, database: 'db' }],
  ['postgres://u:p@%2Frun%2Fpg/db?sslmode=require', { tls: { attempts: ['plain'] } }],
  ['postgres://host/?user=u&password=p%26&dbname=db', { user: 'u', password: 'p&', database: 'db' }],
  ['postgres://u@host/db?options=-c+jit%3Doff', { options: '-c jit=off' }],
  ['postgres://u@host/db?connect_timeout=1', { connectTimeoutMs: 2000 }],
  ['postgres://u@host/db?keepalives=0', { isKeptAlive: false }],
  ['postgres://u@host/db?statement_timeout=5000', { timeouts: { statement_timeout: 5000 } }],
  ['postgres://u@host/db?fallback_application_name=x&gssencmode=prefer&krbsrvname=x&tcp_user_timeout=1', {}],
  ['postgres://u@host/db', { tls: { mode: 'prefer', attempts: ['tls?', 'plain'], check: 'nothing' } }],
  ['postgres://u@host/db?ssl=true', { tls: { attempts: ['tls'], check: 'nothing' } }],
  ['postgres://u@host/db?ssl=0', { tls: { attempts: ['plain'] } }],
  ['postgres://u@host/db?channel_binding=require', { tls: { attempts: ['tls'] } }],
  ['postgres://u@host/db?sslmode=allow&channel_binding=require', { tls: { attempts: ['tls'] } }],
  ['postgres://u@host/db?sslmode=disable&channel_binding=prefer', { tls: { attempts: ['plain'] } }],
  ['postgres://u@host/db?application_name=a@b&sslmode=require', { applicationName: 'a@b', host: 'host' }],
  ['postgres://u@host/db?sslmode=allow', { tls: { attempts: ['plain', 'tls'] } }],
  ['postgres://u@host/db?sslmode=require&uselibpqcompat=true', { tls: { check: 'nothing' } }],
  ['postgres://u@host/db?sslmode=require&sslrootcert=ca.pem', { tls: { check: 'authority' } }],
  ['postgres://u@host/db?sslrootcert=ca.pem', { tls: { check: 'authority and name' } }],
  ['postgres://u@host/db?sslmode=verify-ca', { tls: { check: 'authority and name' } }],
  ['postgres://u@host/db?sslmode=verify-full', { tls: { check: 'authority and name', attempts: ['tls'] } }],
])('reads %s', (url, expected) => {
  expect(readDatabaseUrl(url)).toMatchObject(expected);
});
