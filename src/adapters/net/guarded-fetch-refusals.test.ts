import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type OwnSite, startOwnSite } from '../../../test/support/own-site.ts';
import type { LookupAll } from './host-resolver.ts';

let site: OwnSite;
beforeEach(async () => {
  site = await startOwnSite();
});
afterEach(() => site.close());

const toLoopback: LookupAll = (_host, _options, callback) =>
  callback(null, [{ address: '127.0.0.1', family: 4 }]);

describe('the guard', () => {
  const privateUrls = [
    'http://127.0.0.1/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://0177.0.0.1/',
    'http://127.1/',
    'http://127.0.0.1./',
    'http://0/',
    'http://169.254.169.254/latest/meta-data/',
    'http://[::1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::ffff:a9fe:a9fe]/',
    'http://[fd00:ec2::254]/',
    'https://10.0.0.1/',
    'http://localhost/',
    'http://localhost./',
    'http://①②⑦.⓪.⓪.①/',
  ];

  test.each([
    ...privateUrls,
    'ftp://shop.test/',
    'file:///etc/passwd',
    'http://user:pass@shop.test/',
    'http://shop.test:22/',
    'https://shop.test:6000/',
    'not an address',
    `http://shop.test/${'x'.repeat(2100)}`,
  ])('refuses %s', async (url) => {
    await expect(site.get(url, { guarded: site.makeFetch({ lookupAll: toLoopback }) })).rejects.toMatchObject(
      {
        code: 'address_refused',
      },
    );
  });

  test.each(privateUrls)('refuses a redirect to %s', async (url) => {
    site.answer = (_, response) =>
      response.writeHead(301, { location: Buffer.from(url).toString('latin1') }).end();
    await expect(
      site.get(site.origin, { guarded: site.makeFetch({ lookupAll: toLoopback }) }),
    ).rejects.toMatchObject({
      code: 'address_refused',
    });
  });

  test.each([3306, 5432, 6379, 8080, 8443, 9200, 11211, 27017])(
    'refuses port %i of a public host without a connection, and names the setting',
    async (port) => {
      const asked: string[] = [];
      const lookupAll: LookupAll = (host, _options, callback) => {
        asked.push(host);
        callback(null, [{ address: '93.184.216.34', family: 4 }]);
      };
      const guarded = site.makeFetch({ lookupAll });
      for (const url of [`http://shop.test:${port}/`, `https://93.184.216.34:${port}/`]) {
        await expect(site.get(url, { guarded })).rejects.toMatchObject({
          code: 'address_refused',
          message: `Port ${port} is not allowed. The allowed ports are 80, 443 and those in the setting FETCH_ALLOW_PORTS.`,
        });
      }
      expect(asked).toEqual([]);
    },
  );

  test('refuses a redirect to another port', async () => {
    site.answer = (_, response) => response.writeHead(302, { location: 'http://shop.test:5432/' }).end();
    await expect(site.get(site.origin)).rejects.toMatchObject({
      code: 'address_refused',
      message: expect.stringContaining('FETCH_ALLOW_PORTS'),
    });
  });

  test('checks the address of a request to a port that the setting allows', async () => {
    const asked: string[] = [];
    const lookupAll: LookupAll = (host, _options, callback) => {
      asked.push(host);
      callback(null, [{ address: '10.0.0.1', family: 4 }]);
    };
    const guarded = site.makeFetch({ lookupAll, allowPorts: new Set([8443]) });
    await expect(site.get('https://shop.test:8443/', { guarded })).rejects.toMatchObject({
      code: 'address_refused',
      message: expect.not.stringContaining('Port'),
    });
    expect(asked).toEqual(['shop.test']);
  });

  test('refuses a redirect to an address with a user name', async () => {
    site.answer = (_, response) =>
      response.writeHead(302, { location: 'https://www.paypal.com@evil.example/' }).end();
    await expect(site.get(site.origin)).rejects.toMatchObject({ code: 'bad_redirect' });
  });

  test('refuses another port of an allowed host', async () => {
    await expect(site.get('http://127.0.0.1:1234/')).rejects.toMatchObject({ code: 'address_refused' });
  });

  test('refuses a name if one of its DNS answers is private', async () => {
    const lookupAll: LookupAll = (_host, _options, callback) =>
      callback(null, [
        { address: '93.184.216.34', family: 4 },
        { address: '10.0.0.1', family: 4 },
      ]);
    await expect(
      site.get('http://shop.test/', { guarded: site.makeFetch({ lookupAll }) }),
    ).rejects.toMatchObject({
      code: 'address_refused',
    });
  });

  test('looks a name up once per connection, so that a second answer cannot differ', async () => {
    const asked: string[] = [];
    const lookupAll: LookupAll = (host, _options, callback) => {
      asked.push(host);
      callback(null, [{ address: asked.length === 1 ? '192.0.2.1' : '127.0.0.1', family: 4 }]);
    };
    await expect(
      site.get('http://shop.test/', { guarded: site.makeFetch({ lookupAll }) }),
    ).rejects.toMatchObject({
      code: 'address_refused',
    });
    expect(asked).toEqual(['shop.test']);
  });

  test('reports an unknown name and a closed port', async () => {
    const lookupAll: LookupAll = (_host, _options, callback) =>
      callback(Object.assign(new Error('none'), { code: 'ENOTFOUND' }), []);
    await expect(
      site.get('http://shop.test/', { guarded: site.makeFetch({ lookupAll }) }),
    ).rejects.toMatchObject({
      code: 'dns_failed',
    });
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const host = `127.0.0.1:${(other.address() as AddressInfo).port}`;
    other.close();
    await once(other, 'close');
    const failure = await site
      .get(`http://${host}/`, {
        guarded: site.makeFetch({ allowHosts: new Set([host]) }),
      })
      .catch((error) => error);
    expect(failure).toMatchObject({ code: 'page_unreachable' });
    expect(failure.message).not.toContain('127.0.0.1');
    expect(failure.cause).toBeInstanceOf(Error);
  });
});
