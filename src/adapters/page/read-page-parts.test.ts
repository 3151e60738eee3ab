import { describe, expect, test } from 'vitest';
import { measureCpuMs } from '../../../test/support/measure-cpu-ms.ts';
import { readProductPage } from './read-product-page.ts';

function read(html: string, url = 'https://shop.test/p/red-shoe') {
  return readProductPage({ html: Buffer.from(`<html lang="en">${html}`), contentType: 'text/html', url });
}
const heading = '<h1>Red running shoe</h1><b class="price">€5</b>';

describe('the code that a shopper reads', () => {
  test.each([
    ['<p>SKU: AB-12345</p>', 'AB-12345'],
    ['<p>Art.-Nr. 12345.6</p>', '12345.6'],
    ['<dt>Artikelnummer</dt><dd>12345</dd>', '12345'],
    ['<p>Réf. : 466/7999</p>', '466/7999'],
    ['<p>Código: X123</p>', 'X123'],
    ['<p>Артикул: 98-765</p>', '98-765'],
    ['<p>商品編號:M1234</p>', 'M1234'],
    ['<span>Product code -</span> <span>46286401</span>', '46286401'],
    ['<span data-test="product-reference">1002/710</span>', '1002/710'],
    ['<p>Item 2 of 3</p>', null],
    ['<p>Reference price: 12.50</p>', null],
    ['<footer>SKU: 12345</footer>', null],
  ])('%s', (html, sku) => {
    expect(read(heading + html).sku).toBe(sku);
  });
});

describe('the brand that a shopper reads', () => {
  test.each([
    ['<p>Brand: Acme</p>', 'Acme'],
    ['<dt>Marca</dt><dd>Acme</dd>', 'Acme'],
    ['<a href="/brands/acme">Acme</a>', 'Acme'],
    ['<div class="product-brand"><img src="x.png" alt="Acme"></div>', 'Acme'],
    ['<p>Brand new in box</p>', null],
    ['<a class="brand" href="/brands/all">View all</a>', null],
  ])('%s', (html, brand) => {
    expect(read(heading + html).brand).toBe(brand);
  });
});

test('reads an EAN with its label', () => {
  expect(read(`${heading}<th>EAN</th><td>4006381333931</td>`).gtin).toBe('4006381333931');
});

describe('visible stock', () => {
  const shop = (state: string, html: string) =>
    read(
      `<script type="application/ld+json">{"@type":"Product","name":"Red running shoe","offers":{"price":5,"availability":"${state}"}}</script>${heading}${html}`,
    ).availability;

  test.each([
    ['OutOfStock', '<button class="add-to-cart">+</button>', 'InStock'],
    ['OutOfStock', '<button class="add-to-cart" disabled>Add to cart</button>', 'OutOfStock'],
    ['InStock', '<p>Vyprodáno</p>', 'OutOfStock'],
    ['InStock', '<p style="display: none">Sold out</p>', 'InStock'],
    ['InStock', '<ul class="sizes"><li>42 sold out</li></ul>', 'InStock'],
    ['', '<button>Lisää ostoskoriin</button>', 'InStock'],
    ['', '<p>缺貨</p>', 'OutOfStock'],
  ])('data says "%s", page %s', (state, html, expected) => {
    expect(shop(state, html)).toBe(expected);
  });
});

describe('the price among other prices', () => {
  test.each([
    [
      'an old one',
      '<span class="price">RRP</span> <span class="price">€99</span> <span class="price">€49</span>',
      '49.00',
    ],
    ['a unit price', '<span class="price">€9 / kg</span><span class="price">€49</span>', '49.00'],
    ['an instalment', '<span class="price">10x de €4,90</span><span class="price">€49</span>', '49.00'],
    [
      'a hidden one',
      '<div hidden><span class="price">€1</span></div><span class="price">€49</span>',
      '49.00',
    ],
    ['a saving', '<span class="price">You save €10</span><span class="price">€49</span>', '49.00'],
  ])('is not %s', (_, html, amount) => {
    expect(read(`<h1>Red shoe</h1>${html}`).priceAmount).toBe(amount);
  });
});

describe('script state', () => {
  test.each([
    [
      'a data layer',
      `<script>dataLayer.push({ecommerce:{detail:{products:[{'name':'Red running shoe','id':'R-100','price':'5.00','brand':'Acme'}]}}});</script>`,
    ],
    [
      'a framework',
      `<script id="__NEXT_DATA__" type="application/json">{"props":{"product":{"title":"Red running shoe","sku":"R-100","vendor":"Acme","price":{"value":5}}}}</script>`,
    ],
    [
      'a text',
      `<script>window.S = JSON.parse("{\\"p\\":{\\"name\\":\\"Red running shoe\\",\\"sku\\":\\"R-100\\",\\"brand\\":{\\"name\\":\\"Acme\\"},\\"price\\":5}}")</script>`,
    ],
  ])('is read from %s', (_, html) => {
    const product = read(
      `${html}<script>x = {"name": "Green hat of felt", "sku": "G-200", "brand": "Other", "price": 7}</script>${heading}`,
    );
    expect(product).toMatchObject({
      sku: 'R-100',
      brand: 'Acme',
      provenance: { sku: 'state', brand: 'state' },
    });
  });

  test('is read from a shop system with prices in cents and variant codes', () => {
    const product = read(
      `<h1>Red running shoe</h1><script type="application/json">{"id":12345,"title":"Red running shoe","vendor":"Acme","price":1990,"compare_at_price":null,"available":false,"variants":[{"id":2,"sku":"R-42"}]}</script>`,
    );
    expect(product).toMatchObject({
      priceAmount: '19.90',
      sku: 'R-42',
      brand: 'Acme',
      availability: 'OutOfStock',
    });
  });

  test('is never executed', () => {
    read(
      `<script>globalThis.wasRun = true; x = {"name": "Red running shoe", "sku": "R-1", "price": 5}</script>${heading}`,
    );
    expect((globalThis as { wasRun?: boolean }).wasRun).toBeUndefined();
  });
});

describe('other schema.org structures', () => {
  const ld = (value: unknown) => `<script type="application/ld+json">${JSON.stringify(value)}</script>`;

  test('merges several blocks, and a variant with its group', () => {
    const product = read(
      ld({ '@type': 'Product', name: 'Red shoe', offers: { price: '1e3', priceCurrency: 'EUR' } }) +
        ld({
          '@type': 'Product',
          name: 'Red shoe',
          sku: 'R-100',
          isVariantOf: { '@type': 'ProductGroup', brand: 'Acme' },
        }),
    );
    expect(product).toMatchObject({ sku: 'R-100', priceAmount: '1000.00' });
    expect(
      read(
        ld({
          '@type': 'Product',
          name: 'Red',
          isVariantOf: { '@type': 'ProductGroup', name: 'Shoe', brand: 'Acme' },
        }),
      ).brand,
    ).toBe('Acme');
  });

  test('chooses the first available variant if the address does not select one', () => {
    const variant = (sku: string, price: number, availability: string) => ({
      '@type': 'Product',
      sku,
      offers: { price, priceCurrency: 'EUR', availability },
    });
    const hasVariant = [variant('A-100', 10, 'OutOfStock'), variant('A-200', 12, 'InStock')];
    expect(read(ld({ '@type': 'ProductGroup', name: 'Red shoe', hasVariant }))).toMatchObject({
      sku: 'A-200',
      priceAmount: '12.00',
      availability: 'InStock',
    });
  });

  test('reads RDFa', () => {
    const product = read(`<div vocab="https://schema.org/" typeof="Product"><h2 property="name">Red shoe</h2>
      <span property="sku">R-100</span><div property="offers" typeof="Offer"><i property="price" content="12.5"></i>
      <i property="priceCurrency" content="EUR"></i></div></div>`);
    expect(product).toMatchObject({
      title: 'Red shoe',
      sku: 'R-100',
      priceAmount: '12.50',
      provenance: { title: 'rdfa', price: 'rdfa' },
    });
  });

  test('ignores absurd amounts, and reads a block of megabytes', () => {
    for (const price of ['1e400', '12345678901234']) {
      expect(
        read(
          `<script type="application/ld+json">{"@type":"Product","name":"X","offers":{"price":${price}}}</script>`,
        ).priceAmount,
      ).toBeNull();
    }
    expect(
      read(ld({ '@type': 'Product', name: 'Red', sku: 'R-1', description: 'x'.repeat(2_500_000) })).sku,
    ).toBe('R-1');
  });
});

test('reads any large page quickly', () => {
  const rows = [
    '{"name":"Red running shoe","sku":"R-1","price":5,"brand":"A"},',
    '<span class="price">€5</span>',
    '<p>SKU: </p>',
    '<button class="add-to-cart" disabled>',
    '<i itemprop="x"></i>',
  ];
  for (const row of rows) {
    const body = row.repeat(1_000_000 / row.length);
    const page = `${heading}${row.startsWith('{') ? `<script>x = [${body}]</script>` : body}`;
    // Takes about 1 s. Quadratic time would take far longer.
    expect(
      measureCpuMs(() => read(page)),
      row,
    ).toBeLessThan(6000);
  }
});
