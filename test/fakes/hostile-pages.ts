import { gzipSync } from 'node:zlib';
import { renderCup } from './hostile-cup.ts';

interface HostilePage {
  /** `text/html` by default; null for no header. */
  readonly contentType?: string | null;
  readonly body: string | Buffer;
}

const cupWith = (parts: { head?: string; body?: string; image?: string }): HostilePage => ({
  body: renderCup(parts),
});
const inBody = (body: string) => () => cupWith({ body });
const times = (count: number, make: (index: number) => string) =>
  Array.from({ length: count }, (_, i) => make(i)).join('');
const ld = (json: string) => `<script type="application/ld+json">${json}</script>`;
/** A page whose only data is one JSON-LD block, written by hand. */
const onlyLd = (json: string) => () => ({ body: `<title>Cup</title>${ld(json)}<h1>Cup</h1>` });
const product = (fields: string) => `{"@type":"Product","name":"Cup",${fields}}`;

const utf16be = (text: string) => Buffer.from(text, 'utf16le').swap16();
const utf32 = (text: string) =>
  Buffer.concat(
    [0xfeff, ...Array.from(text, (char) => char.codePointAt(0) ?? 0)].map((code) => {
      const unit = Buffer.alloc(4);
      unit.writeUInt32LE(code);
      return unit;
    }),
  );

const M = 1_000_000;

/** Pages that are hard to read, and some that only look hard. */
export const hostilePages: Readonly<Record<string, () => HostilePage>> = {
  // Wrong content types
  'html-as-image': () => ({ contentType: 'image/png', body: renderCup() }),
  'html-untyped': () => ({ contentType: null, body: renderCup() }),
  'image-as-html': () => ({ body: Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex') }),
  'json-as-html': () => ({ body: '{"@type":"Product","name":"Cup","offers":{"price":"5"}}' }),
  json: () => ({ contentType: 'application/json', body: '{"name":"Cup"}' }),
  pdf: () => ({ contentType: 'application/pdf', body: '%PDF-1.7\n%%EOF' }),
  'pdf-as-html': () => ({
    body: Buffer.concat([Buffer.from('%PDF-1.7\n%'), Buffer.alloc(20), Buffer.from('%%EOF')]),
  }),
  'zip-as-html': () => ({
    body: Buffer.concat([Buffer.from('PK\x03\x04\x14\0\0\0\x08\0'), Buffer.alloc(500, 7)]),
  }),
  'gzip-as-html': () => ({ body: gzipSync(renderCup()) }),
  'zeros-as-html': () => ({ body: Buffer.alloc(5 * M) }),
  empty: () => ({ body: '' }),
  'odd-type': () => ({ contentType: `text/html; ${'a=b; '.repeat(5000)}`, body: renderCup() }),

  // Charsets
  'utf-16le-bom': () => ({ body: Buffer.from(`\ufeff${renderCup()}`, 'utf16le') }),
  'utf-16be-bom': () => ({ body: utf16be(`\ufeff${renderCup()}`) }),
  'utf-16le-label': () => ({
    contentType: 'text/html; charset=utf-16le',
    body: Buffer.from(renderCup(), 'utf16le'),
  }),
  'utf-16-odd': () => ({
    body: Buffer.concat([Buffer.from(`\ufeff${renderCup()}`, 'utf16le'), Buffer.from('x')]),
  }),
  'utf-16-lie': () => ({ contentType: 'text/html; charset=utf-16', body: renderCup() }),
  'utf-7': () => ({ contentType: 'text/html; charset=utf-7', body: renderCup({ body: '+ADw-script+AD4-' }) }),
  'utf-32': () => ({ contentType: 'text/html; charset=utf-32', body: utf32(renderCup()) }),
  'unknown-charset': () => ({ contentType: 'text/html; charset=klingon', body: renderCup() }),
  'long-charset': () => ({ contentType: `text/html; charset=${'x'.repeat(10_000)}`, body: renderCup() }),
  'meta-charset-lie': () => cupWith({ head: '<meta charset="utf-16be"><meta charset="iso-2022-kr">' }),
  'invalid-utf8': () => ({
    contentType: 'text/html; charset=utf-8',
    body: Buffer.concat([Buffer.from(renderCup()), Buffer.from('80c0aff5ffedbfbf', 'hex')]),
  }),
  nuls: () => ({ body: renderCup({ body: '\0'.repeat(100_000) }).replace('<h1>', '<h\0><h1>') }),

  // Trees
  'deep-div': inBody('<div>'.repeat(100_000)),
  'deep-b': inBody('<b>'.repeat(100_000)),
  'deep-span': inBody('<span>'.repeat(100_000)),
  'deep-svg': inBody(`<svg>${'<g>'.repeat(100_000)}`),
  'deep-table': inBody('<table><tr><td>'.repeat(30_000)),
  'deep-template': inBody('<template>'.repeat(50_000)),
  'deep-but-real': inBody('<div>'.repeat(1000)),
  misnested: inBody('<a><b><i><p>'.repeat(5000)),
  'foster-parents': inBody(`<table>${'<b>x<tr>'.repeat(10_000)}`),
  'open-formatting': inBody(`${times(1000, (i) => `<font color=${i}>`)}${'<p>x'.repeat(2000)}`),
  'many-selects': inBody('<select><option>'.repeat(8000)),
  'many-frames': () => ({ body: `<frameset>${'<frame>'.repeat(10_000)}` }),
  'images-20000': inBody(times(20_000, (i) => `<img src=/p/${i}.jpg>`)),
  'images-100000': inBody(times(100_000, (i) => `<img src=/p/${i}.jpg>`)),
  'attributes-1000000': inBody(`<p ${times(M, (i) => `a${i.toString(36)} `)}>`),
  'tags-1000000': inBody('<p>x'.repeat(M)),
  'links-100000': inBody(times(100_000, () => '<a href=/x>y</a>')),
  'metas-50000': () =>
    cupWith({ head: times(50_000, (i) => `<meta property="og:image" content="/p/${i}.jpg">`) }),
  'itemprops-50000': inBody(
    `<div itemscope itemtype="https://schema.org/Product">${times(25_000, () => '<i itemprop=name itemscope>')}`,
  ),
  itemrefs: inBody(times(5000, (i) => `<p id=a${i} itemscope itemref="a${i} a${(i + 1) % 5000}">`)),
  'open-comment': inBody(`<!--${'<!-- '.repeat(500_000)}`),
  'open-script': inBody(`<script>${'<!--<script>'.repeat(200_000)}`),
  'open-attribute': inBody(`<p title="${'<p '.repeat(M)}`),
  'long-title': () => ({
    body: renderCup()
      .replace('<title>Cup', `<title>${'Cup '.repeat(200_000)}`)
      .replace('<h1>Cup', `<h1>${'Cup '.repeat(200_000)}`),
  }),
  'long-attribute': inBody(`<img src="/${'x'.repeat(5 * M)}" alt="${'y-'.repeat(M)}">`),
  'spaced-attribute': inBody(`<img alt="${'y '.repeat(M)}">`),
  entities: inBody('&lt;&amp;amp;&#0;&#x110000;&notit;'.repeat(100_000)),

  // Data
  'json-ld-3mb': onlyLd(product(`"offers":{"price":"5"},"description":"${'word '.repeat(620_000)}"`)),
  'json-ld-3mb-broken': onlyLd(
    product(`"offers":{"price":"5",},"description":"${'word '.repeat(620_000)}",`),
  ),
  'json-deep-arrays': () => cupWith({ head: ld('['.repeat(100_000) + ']'.repeat(100_000)) }),
  'json-deep-objects': () => cupWith({ head: ld(`${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`) }),
  'json-deep-graph': () =>
    cupWith({
      head: ld(`${'{"@graph":[{"@type":"Thing","hasVariant":'.repeat(20_000)}1${'}]}'.repeat(20_000)}`),
    }),
  'json-deep-state': () =>
    cupWith({
      head: `<script>window.__STATE__ = ${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}</script>`,
    }),
  'json-proto': onlyLd(
    '{"__proto__":{"@type":"Product","name":"Evil"},"constructor":{"prototype":{"name":"Evil"}},"@type":"Product","name":"Cup","offers":{"price":"5","__proto__":{"price":"1"}}}',
  ),
  'state-proto': () =>
    cupWith({
      head: '<script>x={"__proto__":{"polluted":1},"product":{"__proto__":{"price":1},"name":"Cup","price":5}}</script>',
    }),
  'json-ld-4000': () => cupWith({ head: times(4000, (i) => ld(`{"@type":"Thing","name":"n${i}"}`)) }),
  'json-ld-products-5000': () =>
    cupWith({ head: ld(`[${Array(5000).fill(product('"sku":"1"')).join(',')}]`) }),
  'json-variants-20000': onlyLd(
    product(`"offers":[${Array(20_000).fill('{"@type":"Offer","price":"5"}').join(',')}]`),
  ),
  'json-cycle': onlyLd(
    '{"@graph":[{"@id":"#a","@type":"Product","name":"Cup","offers":{"@id":"#a"},"isVariantOf":{"@id":"#b"}},{"@id":"#b","hasVariant":{"@id":"#a"}}]}',
  ),
  'json-odd-values': onlyLd(
    '{"@type":["Product",null,{}],"name":["Cup",[[["x"]]]],"offers":[null,[],{"price":{}},{"price":1e999},{"price":[5]}],"image":[null,1,{"url":{}},[[]]],"brand":[[{}]],"sku":{},"description":{"@value":[]}}',
  ),

  // Patterns
  'long-digits': inBody(`<b class="price">${'1'.repeat(M)}</b>`),
  'long-money': inBody(`<b class="price">$${'1,'.repeat(500_000)}</b>`),
  'long-spaces': inBody(`<b class="price">$${' '.repeat(M)}5</b>`),
  'long-commas': inBody(`<img srcset="${','.repeat(M)}${', '.repeat(100_000)}"><p>${','.repeat(M)}`),
  'long-less': inBody('<'.repeat(250_000)),
  'long-quotes': inBody(`<p title=${'"\''.repeat(M)}>`),
  'long-classes': inBody(
    `<div class="${'price-'.repeat(300_000)}" style="${'display:'.repeat(300_000)}">$5</div>`,
  ),
  'long-code': inBody(`<p>SKU: ${'a-'.repeat(500_000)} EAN ${'1 '.repeat(500_000)}</p>`),
  'price-in-data': onlyLd(product(`"offers":{"price":"${'1'.repeat(M)}"},"sku":"${'1.'.repeat(500_000)}"`)),
  'price-commas-in-data': onlyLd(product(`"offers":{"price":"${'1,'.repeat(500_000)}x"}`)),
  'markup-in-data': onlyLd(product(`"description":"${'<a &lt; '.repeat(80_000)}"`)),
  'half-tags-in-data': onlyLd(product(`"description":"${'<'.repeat(200_000)}"`)),
  'open-state': () => cupWith({ head: `<script>${'[{"a":'.repeat(400_000)}</script>` }),
  'open-brackets': () => cupWith({ head: `<script>${'['.repeat(2 * M)}</script>` }),
  'comments-in-state': () => cupWith({ head: `<script>${'{/*'.repeat(500_000)}</script>` }),
  'quotes-in-state': () => cupWith({ head: `<script>${`{"`.repeat(M)}</script>` }),
  'escapes-in-state': () => cupWith({ head: `<script>{"a":"${'\\u0000\\'.repeat(300_000)}"}</script>` }),
  'json-ld-quotes': () => cupWith({ head: ld(`{"a":"${'\\"'.repeat(900_000)}`) }),
  'json-ld-comments': () => cupWith({ head: ld('/*'.repeat(900_000)) }),
  'json-ld-commas': () => cupWith({ head: ld(`{${', '.repeat(900_000)}`) }),
  'json-ld-spaces': () => cupWith({ head: ld(`{"a":1,${' '.repeat(M)}x;${' '.repeat(900_000)}x`) }),
  'json-ld-entities': () => cupWith({ head: ld('{&quot;'.repeat(250_000)) }),

  // Addresses of images
  'base-private': () => cupWith({ head: '<base href="http://10.0.0.1/">', image: '/images/good' }),
  'base-javascript': () => cupWith({ head: '<base href="javascript:alert(1)//">', image: '/images/good' }),
  'base-file': () => cupWith({ head: '<base href="file:///etc/">', image: 'passwd' }),
  'refresh-private': () => ({ body: '<meta http-equiv="refresh" content="0;url=http://10.0.0.1/"><h1>Wait' }),
  'data-image': () => cupWith({ image: `data:image/png;base64,${'A'.repeat(4 * M)}` }),
  'data-images': inBody(times(4, (i) => `<img src="data:image/png;base64,${'A'.repeat(M)}${i}" alt="Cup">`)),
  'odd-images': inBody(
    [
      'javascript:alert(1)',
      'file:///etc/passwd',
      'blob:x',
      'http://user:pass@shop.test/a.jpg',
      'http://[',
      '//',
      '\\\\10.0.0.1\\a.jpg',
    ]
      .map((src) => `<img src="${src}" alt="Cup" width=500 height=500>`)
      .join(''),
  ),
  'canonical-javascript': () => cupWith({ head: '<link rel=canonical href="javascript:alert(1)">' }),
};
