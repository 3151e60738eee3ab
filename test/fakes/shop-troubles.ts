import { renderProduct } from './shop-pages.ts';

/** The reply of a path of the shop. By default, status 200 and HTML. */
export interface ShopReply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly delayMs?: number;
  /** Announces the whole body, sends this many bytes of it and destroys the connection. */
  readonly cutAfter?: number;
  /** Never answers. The connection ends with the shop. */
  readonly hang?: boolean;
}

interface Terms {
  readonly slowMs: number;
  readonly hugeBytes: number;
  readonly origin: string;
}

const ARTICLE = `<!doctype html><html lang="en"><head><title>Ten ideas for autumn</title>
<meta property="og:type" content="article"></head><body><article><h1>Ten ideas for autumn</h1>
${'<p>Leaves fall, and so do temperatures. We went outside to see what is left of summer.</p>'.repeat(12)}
</article></body></html>`;

/**
 * Returns the reply of a path that fails, or null for other paths. Defines all failures of the
 * shop.
 */
export function troubleFor(url: URL, { slowMs, hugeBytes, origin }: Terms): ShopReply | null {
  const product = (images: number): string => renderProduct('red-shoe', { origin, images, language: 'en' });
  switch (url.pathname) {
    case '/':
      return { body: renderIndex() };
    case '/gone':
      return { status: 404, body: '<h1>This page does not exist</h1>' };
    case '/blocked':
      return { status: 403, body: '<h1>Access denied</h1>' };
    case '/error':
      return { status: 500, body: '<h1>Internal error</h1>' };
    case '/article':
      return { body: ARTICLE };
    case '/no-images':
      return { body: product(0) };
    case '/logo-only':
      return { body: product(0).replace('</main>', '<img src="/images/shop-logo.png" alt="Logo"></main>') };
    case '/pdf':
      return { headers: { 'content-type': 'application/pdf' }, body: '%PDF-1.4\n%%EOF\n' };
    case '/slow':
      return { body: product(4), delayMs: slowMs };
    case '/cut':
      return { body: product(4), cutAfter: 900 };
    case '/hang':
      return { hang: true };
    case '/huge':
      return { body: Buffer.concat([Buffer.from(product(4)), Buffer.alloc(hugeBytes, ' ')]) };
    case '/redirect':
      return { status: 302, headers: { location: url.searchParams.get('to') ?? '/products/red-shoe' } };
    default:
      return null;
  }
}

function renderIndex(): string {
  const names = ['red-shoe', 'oak-table', 'blue-mug', 'wool-scarf', 'desk-lamp', 'garden-chair'];
  const links = names.map((name) => `<li><a href="/products/${name}">${name}</a></li>`).join('');
  return `<!doctype html><html lang="en"><head><title>Fake shop</title></head><body><h1>Fake shop</h1><ul>${links}</ul></body></html>`;
}
