import { EventEmitter, once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, Socket } from 'node:net';
import { join } from 'node:path';
import { createSecureContext, TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test, vi } from 'vitest';
import { DatabaseClient } from '../../src/db/connection/database-client.ts';
import { sessionConfig } from '../../src/db/connection/session-config.ts';
import { explainConnectionError } from '../../src/db/explain-connection-error.ts';
import { OWN_CERTIFICATE, OWN_KEY } from '../fakes/own-certificate.ts';
import { type Certificates, makeCertificates, WITHOUT_OPENSSL } from '../support/make-certificates.ts';
import { type OwnServer, startOwnServer } from '../support/own-server.ts';
import { runProgram } from '../support/program.ts';

/** Connects. Returns `TLS`, `plain`, or the reason why the connection failed. */
async function reach(url: string): Promise<string> {
  const client = new DatabaseClient(sessionConfig(url));
  try {
    await client.connect();
    // More than a single read of a socket returns.
    const { rows } = await client.query<{ ssl: boolean; text: string }>(
      `select ssl, repeat('x', 1000000) as text from pg_stat_ssl where pid = pg_backend_pid()`,
    );
    expect(rows[0]?.text).toHaveLength(1_000_000);
    return rows[0]?.ssl ? 'TLS' : 'plain';
  } catch (error) {
    const sentence = explainConnectionError(error);
    if (sentence === undefined) throw error;
    expect(sentence).toContain('DATABASE_URL');
    expect(sentence).not.toContain('secret');
    return sentence;
  } finally {
    await client.end();
  }
}

/** Counts the writes to sockets while 10 queries with parameters run. */
async function countWrites(url: string): Promise<number> {
  const client = new DatabaseClient(sessionConfig(url));
  await client.connect();
  const spies = (['_write', '_writev'] as const).map((name) => vi.spyOn(Socket.prototype, name));
  for (let i = 0; i < 10; i += 1) await client.query('select $1::int', [i]);
  const counted = spies.reduce((sum, spy) => sum + spy.mock.calls.length, 0);
  for (const spy of spies) spy.mockRestore();
  await client.end();
  return counted;
}

describe.skipIf(WITHOUT_OPENSSL)('a server with TLS and an unknown certificate authority', () => {
  let certificates: Certificates;
  let server: OwnServer;
  beforeAll(async () => {
    certificates = await makeCertificates();
    const rules = join(certificates.folder, 'pg_hba.conf');
    await writeFile(
      rules,
      [
        'hostssl encrypted all all scram-sha-256',
        'host encrypted all all reject',
        'hostnossl bare all all scram-sha-256',
        'host bare all all reject',
        'hostssl all client all cert',
        'hostssl all cleartext all password',
        'hostssl all hashed all md5',
        'hostssl all trusted all trust',
        'host all all all scram-sha-256',
      ].join('\n'),
    );
    server = await startOwnServer({
      ssl: 'on',
      ssl_cert_file: certificates.serverCert,
      ssl_key_file: certificates.serverKey,
      ssl_ca_file: certificates.authority,
      hba_file: rules,
    });
    const admin = new DatabaseClient(sessionConfig(server.adminUrl));
    await admin.connect();
    await admin.query('create role client login; create role trusted login');
    await admin.query(`create role cleartext login password 'secret'`);
    await admin.query(`set password_encryption = md5; create role hashed login password 'secret'`);
    for (const name of ['encrypted', 'bare']) await admin.query(`create database ${name} owner service`);
    await admin.end();
  });
  afterAll(async () => {
    await server?.end();
    await certificates?.end();
  });

  /** Returns an address on `localhost`, which is the name in the certificate. */
  function address(
    database: string,
    query: string,
    { user = 'service:secret', host = 'localhost' } = {},
  ): string {
    return `postgres://${user}@${host}:${new URL(server.url).port}/${database}?${query}`;
  }

  test.each([
    ['', 'TLS', 'TLS', 'plain'],
    ['sslmode=disable', 'plain', /add sslmode=require/, 'plain'],
    ['ssl=false', 'plain', /add sslmode=require/, 'plain'],
    ['sslmode=allow', 'plain', 'TLS', 'plain'],
    ['sslmode=prefer', 'TLS', 'TLS', 'plain'],
    ['sslmode=require', 'TLS', 'TLS', /rejects the connection of DATABASE_URL: .+SSL encryption/],
    ['sslmode=no-verify', 'TLS', 'TLS', /SSL encryption/],
    ['ssl=true', 'TLS', 'TLS', /SSL encryption/],
    ['sslmode=require&channel_binding=require', 'TLS', 'TLS', /SSL encryption/],
    ['channel_binding=require', 'TLS', 'TLS', /SSL encryption/],
    ['sslmode=allow&channel_binding=require', 'TLS', 'TLS', /SSL encryption/],
    ['sslmode=require&sslnegotiation=direct', 'TLS', 'TLS', /SSL encryption/],
    ['sslmode=verify-ca', /not trusted \(\w+\)\. Add sslrootcert=FILE/, /not trusted/, /not trusted/],
    ['sslmode=verify-full', /not trusted \(\w+\)\. Add sslrootcert=FILE/, /not trusted/, /not trusted/],
    ['sslmode=verify-full&sslrootcert=system', /not trusted/, /not trusted/, /not trusted/],
  ])(
    '%s: with a server that accepts both, only TLS, and only plain connections',
    async (query, ...expected) => {
      for (const [index, database] of ['service', 'encrypted', 'bare'].entries()) {
        expect(await reach(address(database, query)), database).toMatch(expected[index] ?? '');
      }
    },
  );

  test('checks the authority with sslrootcert, and the name with verify-full', async () => {
    const file = `sslrootcert=${certificates.authority}`;
    for (const mode of ['', 'sslmode=require&', 'sslmode=verify-ca&', 'sslmode=verify-full&']) {
      expect(await reach(address('service', mode + file)), mode).toBe('TLS');
    }
    const byNumber = { host: '127.0.0.1' };
    expect(await reach(address('service', `sslmode=verify-ca&${file}`, byNumber))).toBe('TLS');
    expect(await reach(address('service', `sslmode=verify-full&${file}`, byNumber))).toMatch(
      /not for the host 127\.0\.0\.1, but for: DNS:localhost\. .+sslmode=verify-ca/,
    );
    const toNumber = `sslmode=verify-full&${file}&hostaddr=127.0.0.1`;
    expect(await reach(address('service', toNumber))).toBe('TLS');
    const other = `sslmode=verify-ca&sslrootcert=${certificates.clientCert}`;
    expect(await reach(address('service', other))).toMatch(/not trusted .+The file of sslrootcert must hold/);
  });

  test('names files that are missing or have wrong content', async () => {
    const verify = 'sslmode=verify-full&sslrootcert=';
    expect(await reach(address('service', `${verify}/none.pem`))).toMatch(
      /^The file of sslrootcert in DATABASE_URL, \/none\.pem, cannot be read \(ENOENT\)\.$/,
    );
    expect(await reach(address('service', `${verify}${certificates.folder}/names`))).toMatch(
      /not in PEM format/,
    );
  });

  test('sends a client certificate', async () => {
    const { clientCert, clientKey, encryptedKey } = certificates;
    const asClient = { user: 'client' };
    const show = (key: string) => `sslmode=require&sslcert=${clientCert}&sslkey=${key}`;
    expect(await reach(address('service', show(clientKey), asClient))).toBe('TLS');
    expect(await reach(address('service', `${show(encryptedKey)}&sslpassword=geheim`, asClient))).toBe('TLS');
    expect(await reach(address('service', show(encryptedKey), asClient))).toMatch(
      /sslpassword must be its password/,
    );
    expect(await reach(address('service', 'sslmode=require', asClient))).toMatch(/valid client certificate/);
  });

  test('channel_binding=require rejects every other login', async () => {
    const { clientCert, clientKey } = certificates;
    const binding = 'sslmode=require&channel_binding=require';
    const cases = [
      ['cleartext:secret', '', /asks for the password in clear text, but channel_binding=require/],
      ['hashed:secret', '', /asks for an MD5 hash of the password, but channel_binding=require/],
      ['trusted:secret', '', /without a complete SCRAM login, but channel_binding=require/],
      ['client', `&sslcert=${clientCert}&sslkey=${clientKey}`, /without a complete SCRAM login/],
      ['service:wrong', '', /rejects the password in DATABASE_URL/],
    ] as const;
    for (const [user, more, expected] of cases) {
      expect(await reach(address('service', binding + more, { user })), user).toMatch(expected);
      if (/secret/.test(user))
        expect(await reach(address('service', 'sslmode=require', { user }))).toBe('TLS');
    }
  });

  test('the checks of channel_binding=require end with the login', async () => {
    const client = new DatabaseClient(sessionConfig(address('service', 'channel_binding=require')));
    await client.connect();
    onTestFinished(() => client.end());
    const { connection } = client as unknown as { connection: EventEmitter };
    expect(connection.emit).toBe(EventEmitter.prototype.emit);
    // The password is still not sent to a server that asks for it later.
    expect(connection.eventNames().filter((name) => /^authentication(C|M|SASL$)/.test(String(name)))).toEqual(
      [],
    );
  });

  test.each(['', 'sslmode=disable', 'sslmode=require'])(
    'sends all messages of a query in one write (%s)',
    async (query) => {
      expect(await countWrites(address('service', query))).toBe(10);
    },
  );

  test('the program works with sslmode=require, and explains a wrong certificate in one sentence', async () => {
    const run = (url: string, ...args: string[]) => runProgram({ args, env: { DATABASE_URL: url } });
    const required = await run(address('service', 'sslmode=require'), 'migrate');
    expect(required).toMatchObject({ code: 0, stderr: '', stdout: 'The database is up to date.\n' });
    const checked = await run(
      address('service', 'sslmode=verify-full'),
      'token',
      'create',
      '--workspace',
      'w',
    );
    expect(checked).toMatchObject({ code: 1, stdout: '' });
    expect(checked.stderr).toMatch(
      /^The certificate of DATABASE_URL’s server, localhost, is not trusted .+\.\n$/,
    );
  });
});

describe('a server without TLS', () => {
  const address = (query: string, user?: string) => {
    const url = new URL(inject('serverUrl'));
    url.search = query;
    if (user !== undefined) Object.assign(url, { username: user, password: '' });
    return url.href;
  };

  test.each([
    ['', 'plain'],
    ['sslmode=prefer', 'plain'],
    ['sslmode=allow', 'plain'],
    ['sslmode=require', /does not offer TLS, which sslmode=require requires/],
    ['sslmode=verify-full', /does not offer TLS, which sslmode=verify-full requires/],
    ['channel_binding=require', /does not offer TLS, which channel_binding=require requires/],
    ['sslmode=allow&channel_binding=require', /does not offer TLS, which channel_binding=require requires/],
  ])('%s', async (query, expected) => {
    expect(await reach(address(query))).toMatch(expected);
  });

  test('sends all messages of a query in one write', async () => {
    expect(await countWrites(address(''))).toBe(10);
  });

  test('reports a missing or wrong password', async () => {
    expect(await reach(address('', 'someone'))).toMatch(
      /asks for the password of someone, and DATABASE_URL has none: write it as postgres:\/\//,
    );
    expect(await reach(address('password=wrong', 'someone'))).toMatch(
      /rejects the password in DATABASE_URL: password authentication failed .+%2F %23 %3F/,
    );
    const missing = await runProgram({ args: ['migrate'], env: { DATABASE_URL: address('', 'someone') } });
    expect(missing.code).toBe(1);
    expect(missing.stderr).toMatch(/^The server at .+ asks for the password of someone, .+\.\n$/);
  });

  test('hides environment variables from the driver', async () => {
    const odd = {
      PGSSLMODE: 'require',
      PGSSLNEGOTIATION: 'direct',
      PGOPTIONS: '-c nonsense=1',
      PGREPLICATION: 'x',
    };
    const before = { ...process.env };
    Object.assign(process.env, odd, { PGHOST: 'nowhere.invalid', PGDATABASE: 'none', PGPORT: '1' });
    onTestFinished(() => {
      process.env = before;
    });
    expect(await reach(address(''))).toBe('plain');
  });
});

test.each(['', 'sslmode=disable', 'sslmode=require'])(
  'fails without delay if the server is not PostgreSQL (%s)',
  async (query) => {
    const server = createServer((socket) => {
      socket.on('error', () => {}).on('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const client = new DatabaseClient(sessionConfig(`postgres://u:p@127.0.0.1:${port}/db?${query}`));
    await expect(client.connect()).rejects.toThrow(query === 'sslmode=disable' ? /./ : /is not a PostgreSQL/);
  },
);

describe('a man in the middle that terminates TLS with its own certificate', () => {
  /** A message of the server: its type and its body. */
  const message = (type: string, body: Buffer): Buffer => {
    const head = Buffer.from(`${type}\0\0\0\0`, 'latin1');
    head.writeInt32BE(body.length + 4, 1);
    return Buffer.concat([head, body]);
  };
  const authentication = (code: number, more = '') =>
    message('R', Buffer.concat([Buffer.from([0, 0, 0, code]), Buffer.from(more, 'latin1')]));
  const accepted = authentication(0);
  const cleartext = authentication(3);
  const hashed = authentication(5, 'salt');
  const bound = authentication(10, 'SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0');
  const unbound = authentication(10, 'SCRAM-SHA-256\0\0');
  const forged = authentication(12, `v=${Buffer.alloc(32).toString('base64')}`);
  const notice = message('N', Buffer.from('SNOTICE\0\0'));
  const ready = message('Z', Buffer.from('I'));
  /** A challenge that continues the client's nonce. */
  const challenge = (first: string) =>
    authentication(11, `r=${/,r=(.+)$/.exec(first)?.[1]}more,s=c2FsdA==,i=4096`);

  type Reply = readonly Buffer[] | ((chunk: string) => Buffer);

  /**
   * Sends the n-th of `replies` after the client's n-th message. Records all messages except the
   * first.
   */
  async function startMiddleman(replies: readonly Reply[]) {
    const secureContext = createSecureContext({ cert: OWN_CERTIFICATE, key: OWN_KEY });
    const received: Buffer[] = [];
    const server = createServer((raw) => {
      raw.on('error', () => {});
      raw.once('data', () => {
        raw.write('S');
        const secure = new TLSSocket(raw, { isServer: true, secureContext });
        let count = 0;
        secure
          .on('error', () => {})
          .on('data', (chunk) => {
            if (count > 0) received.push(chunk);
            const reply = replies[count];
            count += 1;
            if (typeof reply === 'function') secure.write(reply(chunk.toString('latin1')));
            else if (reply) secure.write(Buffer.concat(reply));
          });
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const end = async () => {
      server.close();
      await once(server, 'close');
      return Buffer.concat(received).toString('latin1');
    };
    return { url: `postgres://u:secret@127.0.0.1:${port}/db?sslmode=require`, end };
  }

  const NOTHING = '';
  const SCRAM_ONLY = /^p....SCRAM-SHA-256-PLUS\0[\s\S]{4}p=tls-server-end-point,,n=\*,r=[\w+/=]+$/;

  test.each([
    ['cleartext', [[cleartext]], /asks for the password in clear text/, NOTHING],
    ['MD5', [[hashed]], /asks for an MD5 hash/, NOTHING],
    ['trust', [[accepted, ready]], /without a complete SCRAM login/, NOTHING],
    ['no login at all', [[notice, ready]], /without a complete SCRAM login/, NOTHING],
    ['SCRAM without PLUS', [[unbound]], /does not offer SCRAM-SHA-256-PLUS/, NOTHING],
    ['trust, then cleartext at once', [[accepted, ready, cleartext]], /without a complete/, NOTHING],
    ['PLUS, then cleartext', [[bound], [cleartext]], /asks for the password in clear text/, SCRAM_ONLY],
    ['PLUS, then MD5', [[bound], [hashed]], /asks for an MD5 hash/, SCRAM_ONLY],
    ['PLUS, then SCRAM without', [[bound], [unbound]], /does not offer/, SCRAM_ONLY],
    ['PLUS, then trust', [[bound], [accepted, ready]], /without a complete SCRAM login/, SCRAM_ONLY],
    ['PLUS, then a forged end', [[bound], [forged, accepted, ready]], /without a complete/, SCRAM_ONLY],
  ])('channel_binding=require does not send it the password: %s', async (_name, replies, reason, sent) => {
    const middleman = await startMiddleman(replies);
    const sentence = await reach(`${middleman.url}&channel_binding=require`);
    expect(sentence).toMatch(reason);
    expect(sentence).toMatch(/^DATABASE_URL’s server, 127\.0\.0\.1:\d+, .+channel_binding=require[^.]+\.$/);
    expect(await middleman.end()).toEqual(sent === NOTHING ? '' : expect.stringMatching(sent));
  });

  test('channel_binding=require ends the connection after a forged signature', async () => {
    const middleman = await startMiddleman([[bound], challenge, [forged, accepted, ready, cleartext]]);
    const sentence = await reach(`${middleman.url}&channel_binding=require`);
    expect(sentence).toMatch(/server signature does not match/);
    const sent = await middleman.end();
    expect(sent).toMatch(/,p=[\w+/]+=$/);
    expect(sent).not.toContain('secret');
  });

  test('sends it the password without channel_binding=require', async () => {
    const middleman = await startMiddleman([[cleartext], [accepted, ready]]);
    const client = new DatabaseClient(sessionConfig(middleman.url, { isBare: true }));
    await client.connect();
    await client.end();
    expect(await middleman.end()).toContain('secret');
  });
});
