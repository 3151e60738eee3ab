import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostileAnswers } from './hostile-answers.ts';
import { renderCup } from './hostile-cup.ts';
import { drawHostileImage, isHostileImage } from './hostile-images.ts';
import { hostilePages } from './hostile-pages.ts';

/** A running hostile shop. */
export type HostileShop = Awaited<ReturnType<typeof startHostileShop>>;

/**
 * Starts a real HTTP server on loopback that attacks its clients: `/answers/<name>` breaks HTTP,
 * `/pages/<name>` is a page that is hard to read, `/images/<name>` is an image that is hard to
 * decode, and `/show?image=<address>` is a valid product page with that one image.
 * `/redirect?status=&to=` redirects.
 */
export async function startHostileShop() {
  const server = createServer({ requestTimeout: 0, headersTimeout: 0 }, (request, response) => {
    const url = new URL(request.url ?? '/', 'http://shop.test');
    const [, folder, name = ''] = url.pathname.split('/');
    if (folder === 'answers' && hostileAnswers[name]) return hostileAnswers[name](request, response);
    if (folder === 'pages' && hostilePages[name]) {
      const { contentType = 'text/html', body } = hostilePages[name]();
      return response.writeHead(200, contentType === null ? {} : { 'content-type': contentType }).end(body);
    }
    if (folder === 'images' && isHostileImage(name)) {
      drawHostileImage(name).then(
        (body) => response.writeHead(200, { 'content-type': 'image/png' }).end(body),
        (error: unknown) => response.writeHead(500).end(String(error)),
      );
      return;
    }
    if (folder === 'redirect') {
      const location = url.searchParams.get('to');
      return response
        .writeHead(Number(url.searchParams.get('status') ?? 302), location === null ? {} : { location })
        .end('moved');
    }
    if (folder === 'show') {
      return response
        .writeHead(200, { 'content-type': 'text/html' })
        .end(renderCup({ image: url.searchParams.get('image') ?? '' }));
    }
    response.writeHead(404).end();
  });
  // Clients are expected to disconnect because of these answers.
  server.on('connection', (socket) => socket.on('error', () => {}));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    host,
    origin: `http://${host}`,
    async close(): Promise<void> {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}
