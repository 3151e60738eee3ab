const CUP = '<h1>Cup</h1><p class="price">€ 12.50</p><button>Add to cart</button>';

/** Makes a product page with one hostile text in it. */
export type MakePage = (text: string) => string;

/** The places of a page where text of the shop is read, each with a page that has a text there. */
export const HOSTILE_SLOTS: Readonly<Record<string, MakePage>> = {
  title: (text) => page({ head: `<title>${text}</title>` }),
  heading: (text) => page({ body: `<h1>${text}</h1>` }),
  headings: (text) => page({ body: spread(text, 100, (part) => `<h2>Cup ${part}</h2>`) }),
  'json-ld text': (text) => page({ head: jsonLd(JSON.stringify({ ...PRODUCT, description: text })) }),
  'json-ld name': (text) => page({ head: jsonLd(JSON.stringify({ ...PRODUCT, name: text })) }),
  'json-ld price': (text) =>
    page({ head: jsonLd(JSON.stringify({ ...PRODUCT, offers: { price: text, availability: text } })) }),
  'json-ld raw': (text) => page({ head: jsonLd(`{"@type":"Product","name":"Cup",${text}`) }),
  'json-ld url': (text) =>
    page({ head: jsonLd(JSON.stringify({ ...PRODUCT, url: `https://${text}`, image: text })) }),
  meta: (text) => page({ head: attributes('meta', { property: 'og:title', content: text }) + metas(text) }),
  language: (text) => page({ language: text }),
  canonical: (text) => page({ head: attributes('link', { rel: 'canonical', href: `https://${text}` }) }),
  base: (text) => page({ head: attributes('base', { href: `https://${text}` }) }),
  script: (text) => page({ head: `<script>var state = ${text}</script>` }),
  state: (text) => page({ head: `<script>var s = {"name":"Cup","price":1,"sku":"${text}` }),
  class: (text) => page({ body: attributes('div', { class: text }) }),
  'class above': (text) =>
    page({ body: `${attributes('div', { class: text })}${'<b>In stock</b><i>Sold out</i>'.repeat(700)}` }),
  srcset: (text) => page({ body: attributes('img', { src: '/a.jpg', srcset: text, alt: text }) }),
  srcsets: (text) =>
    page({
      body: `<picture>${spread(text, 20, (part) => attributes('source', { srcset: part }))}${'<img src="/a.jpg">'.repeat(500)}`,
    }),
  itemref: (text) =>
    page({ body: `<div itemscope itemtype="https://schema.org/Product" itemref="${quote(text)}">${IDS}` }),
  itemprop: (text) =>
    page({ body: `<div itemscope itemtype="https://schema.org/Product"><b itemprop="${quote(text)}">x` }),
  'property text': (text) =>
    page({
      body: `<div itemscope itemtype="https://schema.org/Product">${'<b itemprop=name>'.repeat(500)}${text}`,
    }),
  'button label': (text) => page({ body: attributes('button', { 'aria-label': text, value: text }) }),
  label: (text) => page({ body: `<b>Brand:</b><i>${text}</i><b>SKU:</b><i>${text}</i>` }),
  prices: (text) => page({ body: `${'<b class=price>'.repeat(300)}${text}` }),
  text: (text) => page({ body: text }),
  texts: (text) => page({ body: spread(text, 30, (part) => `<p class=price>${part}</p>`) }),
  'data attribute': (text) => page({ body: attributes('div', { 'data-product': `{"a":${text}` }) }),
};

const PRODUCT = { '@context': 'https://schema.org', '@type': 'Product', name: 'Cup' };
const IDS = Array.from({ length: 500 }, (_, at) => `<b id="a${at}" itemprop="name">`).join('');

function page({ language = 'en', head = '', body = '' }): string {
  return `<!doctype html><html lang="${quote(language)}"><head>${head}</head><body>${CUP}${body}</body></html>`;
}

function jsonLd(json: string): string {
  return `<script type="application/ld+json">${json}</script>`;
}

function metas(text: string): string {
  const names = ['og:image', 'og:type', 'product:price:amount', 'product:price:currency', 'og:availability'];
  return names.map((property) => attributes('meta', { property, content: text.slice(0, 20_000) })).join('');
}

function attributes(tag: string, values: Readonly<Record<string, string>>): string {
  return `<${tag} ${Object.entries(values)
    .map(([name, value]) => `${name}="${quote(value)}"`)
    .join(' ')}>`;
}

function quote(value: string): string {
  return value.replaceAll('&', '&amp;').replaceAll('"', '&quot;');
}

function spread(text: string, count: number, make: (part: string) => string): string {
  const size = Math.ceil(text.length / count);
  return Array.from({ length: count }, (_, at) => make(text.slice(at * size, (at + 1) * size))).join('');
}
