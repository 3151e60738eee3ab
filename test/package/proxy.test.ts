import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { poll } from '../support/poll.ts';

/* The proxies themselves read and run the example configurations. */

const read = (path: string) => readFile(new URL(`../../${path}`, import.meta.url), 'utf8');
const isThere = (command: string, argument: string) => spawnSync(command, [argument]).status === 0;
const hasNginx = isThere('nginx', '-v') && isThere('openssl', 'version');
const hasCaddy = isThere('caddy', 'version');

describe.skipIf(!hasNginx)(`deploy/nginx.conf${hasNginx ? '' : ', without nginx or openssl here'}`, () => {
  let folder: string;
  let api: Server;
  let nginx: ChildProcess | undefined;
  let origin: string;
  let said: string;
  const received: IncomingMessage[] = [];
  const held: (() => void)[] = [];
  const agent = new Agent({ connections: 200, connect: { rejectUnauthorized: false } });

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cta-nginx-'));
    api = createServer((incoming, response) => {
      received.push(incoming);
      incoming.resume();
      if (incoming.url === '/held') held.push(() => response.end());
      else incoming.on('end', () => response.end('ok'));
    });
    api.listen(0, '127.0.0.1');
    await once(api, 'listening');
    const port = await findFreePort();
    origin = `https://127.0.0.1:${port}`;
    const path = await writeConfiguration({ port, apiPort: (api.address() as AddressInfo).port });
    const checked = spawnSync('nginx', ['-t', '-c', path], { encoding: 'utf8' });
    said = checked.stderr;
    expect(checked.status, said).toBe(0);
    nginx = spawn('nginx', ['-c', path, '-g', 'daemon off;'], { stdio: 'ignore' });
    await poll(
      () => ask('/', { from: '198.51.100.1' }).catch(() => 0),
      (status) => status === 200,
    );
  });
  afterAll(async () => {
    await agent.destroy();
    if (nginx?.exitCode === null) {
      nginx.kill('SIGTERM');
      await once(nginx, 'exit');
    }
    api?.closeAllConnections();
    api?.close();
    await rm(folder, { recursive: true, force: true });
  });

  /**
   * Writes the example with this test's ports, certificate and folders. A header names the client.
   */
  async function writeConfiguration({ port, apiPort }: { port: number; apiPort: number }): Promise<string> {
    const [certificate, key] = [join(folder, 'certificate.pem'), join(folder, 'key.pem')];
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const files = ['-keyout', key, '-out', certificate];
    spawnSync('openssl', ['req', '-x509', ...curve, '-subj', '/CN=cta.example.com', ...files]);
    const changes = [
      ['listen 443 ', `listen 127.0.0.1:${port} `],
      ['127.0.0.1:3000', `127.0.0.1:${apiPort}`],
      ['/etc/ssl/cta.example.com.pem', certificate],
      ['/etc/ssl/cta.example.com.key', key],
    ] as const;
    let example = await read('deploy/nginx.conf');
    for (const [from, to] of changes) {
      expect(example).toContain(from);
      example = example.replace(from, to);
    }
    const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
    const folders = kinds.map((kind) => `${kind}_temp_path ${join(folder, kind)};`);
    const path = join(folder, 'nginx.conf');
    await writeFile(
      path,
      `${process.getuid?.() === 0 ? 'user root;' : ''}
       pid ${join(folder, 'pid')};
       error_log ${join(folder, 'error.log')};
       events {}
       http {
         access_log off;
         ${folders.join('\n')}
         set_real_ip_from 127.0.0.1;
         real_ip_header X-Test-Client;
         ${example}
       }`,
    );
    return path;
  }

  /** Returns the status. */
  async function ask(
    path: string,
    { from, headers = {}, body }: { from: string; headers?: Record<string, string>; body?: Buffer },
  ): Promise<number> {
    const answer = await request(`${origin}${path}`, {
      dispatcher: agent,
      method: body ? 'POST' : 'GET',
      headers: { host: 'cta.example.com', 'x-test-client': from, ...headers },
      body: body ?? null,
    });
    await answer.body.dump();
    return answer.statusCode;
  }

  test('is accepted without a warning', () => {
    // Since 1.25.1, nginx prefers another spelling of http2 that older versions do not know.
    const complaints = said.split('\n').filter((line) => /\[(warn|error|emerg)\]/.test(line));
    expect(complaints.filter((line) => !line.includes('http2'))).toEqual([]);
  });

  test('allows a client 100 requests in progress, whatever addresses of its /64 it uses', async () => {
    const waiting = Array.from({ length: 100 }, (_, index) =>
      ask('/held', { from: `2001:db8:1:2::${index.toString(16)}` }),
    );
    await poll(
      async () => held.length,
      (count) => count === 100,
    );
    expect(await ask('/', { from: '2001:db8:1:2:3:4:5:6' })).toBe(429);
    for (const from of ['2001:db8:1:3::1', '2001:db8:2::1', '198.51.100.2']) {
      expect(await ask('/', { from }), from).toBe(200);
    }
    for (const end of held.splice(0)) end();
    expect(new Set(await Promise.all(waiting))).toEqual(new Set([200]));
    await poll(
      () => ask('/', { from: '2001:db8:1:2:3:4:5:6' }),
      (status) => status === 200,
    );
  });

  test('refuses requests of a client beyond rate and burst, and not those of another one', async () => {
    const statuses: number[] = [];
    while (!statuses.includes(429) && statuses.length < 10_000) {
      const some = Array.from({ length: 50 }, () => ask('/', { from: '198.51.100.3' }));
      statuses.push(...(await Promise.all(some)));
    }
    expect(statuses.slice(0, 200)).toEqual(Array(200).fill(200));
    expect(statuses).toContain(429);
    expect(await ask('/', { from: '198.51.100.4' })).toBe(200);
  });

  test('passes the real address, host and protocol of the client to the API, and not forged ones', async () => {
    const claims = {
      'x-forwarded-for': '203.0.113.9',
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'javascript',
    };
    expect(await ask('/claims', { from: '198.51.100.5', headers: claims })).toBe(200);
    expect(received.at(-1)?.headers).toMatchObject({
      'x-forwarded-for': '198.51.100.5',
      'x-forwarded-host': 'cta.example.com',
      'x-forwarded-proto': 'https',
    });
  });

  test('keeps health checks and bodies far above 64 KB from the API', async () => {
    const before = received.length;
    for (const path of ['/livez', '/livez/', '/readyz', '/readyz/'])
      expect(await ask(path, { from: '198.51.100.6' }), path).toBe(404);
    expect(await ask('/', { from: '198.51.100.6', body: Buffer.alloc(200_000) })).toBe(413);
    expect(received).toHaveLength(before);
    // nginx passes on a body that is only a little too large, and the API answers it.
    expect(await ask('/', { from: '198.51.100.6', body: Buffer.alloc(100_000) })).toBe(200);
  });
});

describe.skipIf(!hasCaddy)(
  `the Caddyfile in docs/operations/network.md${hasCaddy ? '' : ', without caddy here'}`,
  () => {
    test('is accepted, and forwards all but health checks', async () => {
      const [, example = ''] = /^```caddy\n(.*?)^```$/ms.exec(await read('docs/operations/network.md')) ?? [];
      const folder = await mkdtemp(join(tmpdir(), 'cta-caddy-'));
      onTestFinished(() => rm(folder, { recursive: true }));
      const path = join(folder, 'Caddyfile');
      await writeFile(path, example);
      const args = ['adapt', '--adapter', 'caddyfile', '--config', path];
      const { status, stdout, stderr } = spawnSync('caddy', args, { encoding: 'utf8' });
      expect(status, stderr).toBe(0);
      const server = JSON.parse(stdout).apps.http.servers.srv0;
      expect(server).toMatchObject({ read_header_timeout: 10e9, read_timeout: 30e9 });
      const text = JSON.stringify(server.routes);
      expect(text).toContain('"dial":"127.0.0.1:3000"');
      expect(text).toContain('"path":["/livez","/livez/","/readyz","/readyz/"]');
      expect(text).toContain('"max_size":128000');
    });
  },
);

async function findFreePort(): Promise<number> {
  const server = createTcpServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
