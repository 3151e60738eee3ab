import { describe, expect, test } from 'vitest';
import { measureCpuMs } from '../../../test/support/measure-cpu-ms.ts';
import { readProductPage } from './read-product-page.ts';

const URL_OF_PAGE = 'https://shop.test/p/red-shoe?utm_source=mail';

function read(html: string | Buffer, contentType = 'text/html; charset=utf-8', url = URL_OF_PAGE) {
  return readProductPage({ html: Buffer.from(html as string), contentType, url });
}

function codeOf(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
  return undefined;
}

const jsonLd = (value: unknown) => `<script type="application/ld+json">${JSON.stringify(value)}</script>`;

describe('structured data', () => {
  test('reads every fact from JSON-LD', () => {
    const product = read(`<html lang="en"><title>Red shoe | Shop</title>
      <link rel="canonical" href="/p/red-shoe">${jsonLd({
        '@context': 'https://schema.org',
        '@graph': [
          { '@type': 'BreadcrumbList', itemListElement: [{ '@type': 'Product', name: 'Other', offers: {} }] },
          { '@type': 'ImageObject', '@id': '#main', url: '/i/1.jpg', width: 800, height: '600px' },
          {
            '@type': ['Product', 'Thing'],
            name: 'Red &amp; shiny shoe',
            description: '<p>Very</p><p>red.</p>',
            brand: { '@type': 'Brand', name: 'Acme' },
            sku: 123,
            gtin13: '4006381333931',
            mpn: 'A-1',
            image: [{ '@id': '#main' }, '//cdn.test/2.jpg', 'data:image/png;base64,xx'],
            offers: [
              {
                '@type': 'Offer',
                price: '1.299,00',
                priceCurrency: 'EUR',
                availability: 'http://schema.org/InStock',
              },
            ],
          },
        ],
      })}`);
    expect(product).toEqual({
      address: 'https://shop.test/p/red-shoe',
      title: 'Red & shiny shoe',
      description: 'Very red.',
      brand: 'Acme',
      sku: '123',
      gtin: '4006381333931',
      mpn: 'A-1',
      priceAmount: '1299.00',
      priceCurrency: 'EUR',
      priceText: '€1,299.00',
      availability: 'InStock',
      language: 'en',
      images: [
        {
          url: 'https://shop.test/i/1.jpg',
          alt: null,
          source: 'json-ld',
          position: 0,
          width: 800,
          height: 600,
        },
        {
          url: 'https://cdn.test/2.jpg',
          alt: null,
          source: 'json-ld',
          position: 1,
          width: null,
          height: null,
        },
      ],
      provenance: {
        title: 'json-ld',
        description: 'json-ld',
        brand: 'json-ld',
        sku: 'json-ld',
        gtin: 'json-ld',
        mpn: 'json-ld',
        price: 'json-ld',
        availability: 'json-ld',
        images: 'json-ld',
      },
    });
  });

  test('chooses the product of the page among several, and the shown variant of a group', () => {
    const variant = (id: string, price: number, state: string) => ({
      '@type': 'Product',
      sku: id,
      image: `/${id}.jpg`,
      offers: { url: `/p/red-shoe?size=${id}`, price, priceCurrency: 'SEK', availability: state },
    });
    const product = read(
      `${jsonLd([
        { '@type': 'Product', name: 'Blue hat', offers: { price: 5 } },
        {
          '@type': 'ProductGroup',
          name: 'Red shoe',
          brand: 'Acme',
          hasVariant: [variant('41', 100, 'InStock'), variant('42', 110, 'SoldOut')],
        },
      ])}<h1>Red shoe</h1>`,
      'text/html',
      'https://shop.test/p/red-shoe?size=42',
    );
    expect(product).toMatchObject({
      title: 'Red shoe',
      brand: 'Acme',
      sku: '42',
      priceAmount: '110.00',
      priceCurrency: 'SEK',
      availability: 'OutOfStock',
    });
  });

  test('uses the low price of an AggregateOffer, and ignores list prices', () => {
    const offers = (value: unknown) =>
      read(jsonLd({ '@type': 'Product', name: 'X', offers: value })).priceAmount;
    expect(offers({ '@type': 'AggregateOffer', lowPrice: '10', highPrice: '20', priceCurrency: 'EUR' })).toBe(
      '10.00',
    );
    expect(
      offers({
        priceCurrency: 'EUR',
        priceSpecification: [
          { price: 30, priceType: 'https://schema.org/ListPrice' },
          { price: 2, referenceQuantity: { unitCode: 'KGM' } },
          { price: 25 },
        ],
      }),
    ).toBe('25.00');
  });

  test('reads microdata with itemref and nested items', () => {
    const product = read(`
      <div itemprop="isRelatedTo" itemscope itemtype="http://schema.org/Product"><i itemprop="name">Hat</i></div>
      <div itemscope itemtype="https://schema.org/Product" itemref="more">
        <h1 itemprop="name">Red <b>shoe</b></h1>
        <a itemprop="brand" href="/acme">Acme</a>
        <img itemprop="image" src="/a.jpg">
        <div itemprop="offers" itemscope itemtype="https://schema.org/Offer">
          <meta itemprop="priceCurrency" content="CZK"><span itemprop="price" content="34000">34.000 Kč</span>
          <link itemprop="availability" href="https://schema.org/OutOfStock">
        </div>
      </div>
      <p id="more"><span itemprop="sku">S-1</span></p>`);
    expect(product).toMatchObject({
      title: 'Red shoe',
      brand: 'Acme',
      sku: 'S-1',
      priceAmount: '34000.00',
      priceCurrency: 'CZK',
      availability: 'OutOfStock',
      provenance: { title: 'microdata', price: 'microdata' },
    });
    expect(product.images[0]?.url).toBe('https://shop.test/a.jpg');
  });

  test('reads Open Graph without the name of the shop', () => {
    const product = read(`<html lang="de_DE">
      <meta property="og:type" content="product"><meta property="og:site_name" content="Shop">
      <meta property="og:title" content="Red shoe | Shop"><meta property="og:image" content="/a.jpg">
      <meta property="og:image:width" content="640">
      <meta property="product:price:amount" content="12.5"><meta property="product:price:currency" content="EUR">
      <meta property="product:availability" content="oos">`);
    expect(product).toMatchObject({
      title: 'Red shoe',
      priceText: '12,50\u00a0€',
      availability: 'OutOfStock',
      language: 'de-DE',
      images: [{ source: 'og', width: 640 }],
    });
  });
});

describe('the visible page', () => {
  const page = `<html lang="en"><base href="https://cdn.test/x/">
    <header><img src="/shop-logo.png"><span class="price">Cart: $0.50</span></header>
    <main><h1>Red shoe</h1>
      <div class="gallery">
        <a href="/big/1.jpg"><img src="small/1.jpg" alt="Red shoe"></a>
        <picture><source srcset="a.webp 400w, b,1.webp 1200w"><img src="data:image/gif;base64,R0" data-src="c.jpg"></picture>
        <noscript><img src="//cdn.test/n.jpg"></noscript>
        <img src="spacer.gif"><img src="flag.svg"><img src="dot.png" width="1" height="1">
      </div>
      <p><del>$99.00</del> <span class="price"><span>$</span><span>49</span><sup>.90</sup></span> <i>$9/month</i></p>
      <button>Add to cart</button>
    </main>
    <div class="related-products"><h3>Hat</h3><span class="price">$5</span><img src="hat.jpg"></div>`;

  test('returns the price near the heading, and the gallery', () => {
    const product = read(page);
    expect(product).toMatchObject({
      title: 'Red shoe',
      priceAmount: '49.90',
      priceCurrency: 'USD',
      availability: 'InStock',
      provenance: { title: 'dom', price: 'dom' },
    });
    expect(product.images.map((image) => image.url)).toEqual([
      'https://cdn.test/big/1.jpg',
      'https://cdn.test/x/b,1.webp',
      'https://cdn.test/n.jpg',
    ]);
  });

  test('finds no product in a heading without a price, or in an empty page', () => {
    expect(codeOf(() => read('<h1>About us</h1><p>Since 1990.'))).toBe('not_a_product');
    expect(codeOf(() => read(''))).toBe('not_a_product');
    expect(codeOf(() => read('<p>$5'))).toBe('not_a_product');
  });

  test('reports a page that overflows the stack of the parser as too large', () => {
    expect(codeOf(() => read('<template>'.repeat(50_000)))).toBe('page_too_large');
  });

  test('recognizes a bot check and a login', () => {
    expect(codeOf(() => read('<title>Just a moment...</title>'))).toBe('page_blocked');
    const login = (html: string, url: string) => codeOf(() => read(html, 'text/html', url));
    expect(login('<input type="password">', 'https://shop.test/my-account')).toBe('page_login');
    expect(login('<input type="password">', 'https://shop.test/shoes')).toBe('not_a_product');
    expect(login('<div id="app">', 'https://shop.test/customer/account/login/referer/x')).toBe('page_login');
    expect(login('<h1>Welcome', 'https://login.shop.test/?next=/p/1')).toBe('page_login');
    expect(login('<h1>About us', 'https://shop.test/catalogue/authors')).toBe('not_a_product');
    // But a shop may show its product under such an address.
    expect(
      read(
        '<h1>Cup</h1><b class="price">$5</b><input type="password">',
        'text/html',
        'https://shop.test/login',
      ),
    ).toMatchObject({ title: 'Cup' });
  });
});

describe('bytes', () => {
  const cyrillic = Buffer.from([0xca, 0xf0, 0xe0, 0xf1, 0xed, 0xfb, 0xe9]);
  const wrap = (head: string, title: Buffer) =>
    Buffer.concat([Buffer.from(`<html>${head}<h1>`), title, Buffer.from('</h1><b class="price">$5</b>')]);

  test.each([
    ['header', 'text/html; charset=windows-1251', ''],
    ['meta', 'text/html', '<meta charset="windows-1251">'],
    ['unknown header, then meta', 'text/html; charset=klingon', '<meta charset="windows-1251">'],
    ['UTF-16 that is none', 'text/html; charset=utf-16', '<meta charset="windows-1251">'],
  ])('detects the charset by %s', (_, contentType, head) => {
    expect(read(wrap(head, cyrillic), contentType).title).toBe('Красный');
  });

  test('detects the charset by content and byte order mark, and tolerates wrong labels', () => {
    expect(read(wrap('', Buffer.from('Größe')), 'text/html').title).toBe('Größe');
    expect(read(wrap('', Buffer.from('Größe', 'latin1')), 'text/html').title).toBe('Größe');
    const wide = Buffer.from('\ufeff<h1>Größe</h1><b class="price">$5</b>', 'utf16le');
    expect(read(wide, 'text/html; charset=utf-8').title).toBe('Größe');
    for (const label of ['iso-2022-jp', 'replacement', 'x-user-defined', 'utf-7', 'big5', '']) {
      expect(read(wrap('', cyrillic), `text/html; charset=${label}`).priceAmount).toBe('5.00');
    }
  });

  test('rejects content that is not HTML, whatever its declared type', () => {
    expect(codeOf(() => read('{"a": 1}', 'application/json'))).toBe('page_not_html');
    expect(codeOf(() => read(Buffer.from('%PDF-1.7\0\0\0'), 'text/html'))).toBe('page_not_html');
    expect(read('<!doctype html><h1>X</h1><b class="price">$5</b>', 'text/plain').title).toBe('X');
  });

  test('reads deep nesting and many images quickly', () => {
    const worked = measureCpuMs(() => {
      for (const tag of ['<div>', '<b>', '<x>', '<span itemprop="x">']) {
        expect(codeOf(() => read(`<h1>X</h1>${tag.repeat(100_000)}`))).toBe('page_too_large');
      }
      const many = read(`<h1>X</h1><b class="price">$5</b>${'<img src="a.jpg" alt="x">'.repeat(50_000)}`);
      expect(many.images).toHaveLength(1);
    });
    expect(worked).toBeLessThan(15_000);
  });
});
