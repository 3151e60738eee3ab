import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { expect, test } from 'vitest';
import { startFakeProxy } from '../fakes/fake-proxy.ts';
import { OWN_CERTIFICATE, OWN_KEY } from '../fakes/own-certificate.ts';
import { runProgram } from '../support/program.ts';
import { startWorld } from '../support/start-world.ts';

/*
 * The real program with an AI service whose certificate comes from a private authority, and a proxy
 * that requires a password.
 */

const PASSWORD = 'markedwordofproxy';

test.each(['', '1'])(
  'sends AI calls through HTTPS_PROXY once each, and never shows its password (NODE_USE_ENV_PROXY=%j)',
  { timeout: 360_000 },
  async (nodeUsesProxy) => {
    const proxy = await startFakeProxy({ credentials: `user:${PASSWORD}` });
    const folder = await mkdtemp(join(tmpdir(), 'cta-ca-'));
    const certificate = join(folder, 'ca.pem');
    await writeFile(certificate, OWN_CERTIFICATE);
    const world = await startWorld();
    const aiPort = Number(new URL(world.ai.baseUrl).port);
    const secure = createServer({ cert: OWN_CERTIFICATE, key: OWN_KEY }, (socket) => {
      const plain = connect(aiPort, '127.0.0.1');
      socket.on('error', () => plain.destroy()).pipe(plain);
      plain.on('error', () => socket.destroy()).pipe(socket);
    });
    await new Promise<void>((resolve) => secure.listen(0, '127.0.0.1', resolve));
    const { port } = secure.address() as { port: number };
    proxy.routes.set('ai.test:443', `127.0.0.1:${port}`);
    try {
      const program = await world.start('all', {
        AI_BASE_URL: 'https://ai.test/v1',
        HTTPS_PROXY: proxy.origin.replace('://', `://user:${PASSWORD}@`),
        NODE_EXTRA_CA_CERTS: certificate,
        NODE_USE_ENV_PROXY: nodeUsesProxy,
        LOG_LEVEL: 'debug',
      });
      const rest = await world.connect(program);
      const { id } = await rest.create([{ url: world.shop.productUrl('cup'), batch_size: 2 }]);
      expect(await rest.follow(id)).toMatchObject({ status: 'done', progress: { done: 2 } });
      expect(world.ai.calls).toHaveLength(4);
      expect(proxy.requests.map(({ method, target }) => `${method} ${target}`)).toEqual(
        Array<string>(4).fill('CONNECT ai.test:443'),
      );
      const { stdout, stderr } = program.output();
      expect(stdout + stderr).not.toContain(PASSWORD);
      expect(stdout + stderr).not.toContain(Buffer.from(`user:${PASSWORD}`).toString('base64'));
    } finally {
      await world.end();
      await new Promise((resolve) => secure.close(resolve));
      await proxy.close();
      await rm(folder, { recursive: true });
    }
  },
);

test('rejects an unusable proxy with a sentence that does not contain its password', async () => {
  const env = { HTTPS_PROXY: `socks5://user:${PASSWORD}@proxy.example:1080` };
  const { code, stderr } = await runProgram({ args: ['start'], env });
  expect(code).not.toBe(0);
  expect(stderr).toMatch(/HTTPS_PROXY must be an http:\/\/ or https:\/\/ address/);
  expect(stderr).not.toContain(PASSWORD);
});
