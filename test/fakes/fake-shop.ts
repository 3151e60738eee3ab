import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { drawShopImage } from './shop-images.ts';
import { renderProduct } from './shop-pages.ts';
import { type ShopReply, troubleFor } from './shop-troubles.ts';

/** The port of the shop, and how bad its bad pages are. */
export interface FakeShopOptions {
  readonly port?: number;
  /** The time until `/slow` answers. */
  readonly slowMs?: number;
  /** The size of `/huge`. */
  readonly hugeBytes?: number;
}

/** One request that reached the shop. */
export interface ShopRequest {
  readonly method: string;
  /** Including its query. */
  readonly path: string;
  /** `performance.now()` when its headers arrived. */
  readonly at: number;
  readonly headers: http.IncomingHttpHeaders;
}

/** A running fake shop. */
export type FakeShop = Awaited<ReturnType<typeof startFakeShop>>;

/**
 * Starts a real HTTP server on loopback that looks like a shop: `/products/<any-name>` is a product
 * with its own title, price, texts and images (`?images=n`, 4 by default; `?lang=de`), always the
 * same for a name. `shop-troubles.ts` lists the paths that fail; `script` sets the reply of any
 * path.
 */
export async function startFakeShop(options: FakeShopOptions = {}) {
  const requests: ShopRequest[] = [];
  const scripted = new Map<string, ShopReply>();
  const timers = new Set<NodeJS.Timeout>();
  let origin = '';

  async function findReply(url: URL): Promise<ShopReply> {
    const own = scripted.get(url.pathname);
    if (own !== undefined) return own;
    const trouble = troubleFor(url, {
      slowMs: options.slowMs ?? 3000,
      hugeBytes: options.hugeBytes ?? 30_000_000,
      origin,
    });
    if (trouble !== null) return trouble;
    const product = url.pathname.match(/^\/products\/([\w-]+)$/)?.[1];
    if (product !== undefined) return html(renderProduct(product, readPage(url, origin)));
    const image = url.pathname.match(/^\/images\/([\w-]+?)-(\d+|logo)\.(?:jpg|png)$/);
    if (image?.[1] === undefined || image[2] === undefined) return { status: 404, body: 'Not found' };
    const body = await drawShopImage(image[1], image[2] === 'logo' ? null : Number(image[2]));
    return { body, headers: { 'content-type': image[2] === 'logo' ? 'image/png' : 'image/jpeg' } };
  }

  const server = http.createServer((request, response) => {
    const path = request.url ?? '/';
    requests.push({ method: request.method ?? 'GET', path, at: performance.now(), headers: request.headers });
    findReply(new URL(path, origin)).then(
      (reply) => {
        if (reply.hang) return;
        const timer = setTimeout(() => {
          timers.delete(timer);
          if (!response.destroyed) writeReply(reply, response);
        }, reply.delayMs ?? 0);
        timers.add(timer);
      },
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  origin = `http://${host}`;

  return {
    origin,
    /** In the format of `FETCH_ALLOW_HOSTS`. */
    host,
    requests,
    productUrl: (name: string): string => `${origin}/products/${name}`,
    /**
     * Sets the reply of a path (without query) from now on. `undefined` restores the shop's own.
     */
    script(path: string, reply: ShopReply | undefined): void {
      if (reply === undefined) scripted.delete(path);
      else scripted.set(path, reply);
    },
    async close(): Promise<void> {
      for (const timer of timers) clearTimeout(timer);
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

function readPage(url: URL, origin: string) {
  const images = Number(url.searchParams.get('images') ?? 4);
  return {
    origin,
    images: Math.min(Math.max(images, 0), 40),
    language: url.searchParams.get('lang') ?? 'en',
  };
}

function html(body: string): ShopReply {
  return { body, headers: { 'content-type': 'text/html; charset=utf-8' } };
}

function writeReply(reply: ShopReply, response: http.ServerResponse): void {
  const body = Buffer.from(reply.body ?? '');
  const headers = { 'content-type': 'text/html; charset=utf-8', ...reply.headers };
  if (reply.cutAfter !== undefined) {
    response.writeHead(reply.status ?? 200, { ...headers, 'content-length': body.length });
    response.write(body.subarray(0, reply.cutAfter), () => response.socket?.destroy());
    return;
  }
  response.writeHead(reply.status ?? 200, { ...headers, 'content-length': body.length });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}
