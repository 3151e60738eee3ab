/**
 * Pages of a given length with a hostile structure: shared references, nested elements, and tags
 * that a parser has to move. Each of them once cost a reader seconds or all memory.
 */
export const HOSTILE_SHAPES: Readonly<Record<string, (length: number) => string>> = {
  'offers that refer to one aggregate of offers': (length) =>
    jsonLd(length, '{"@id":"#a"},', (refs) => [
      { '@type': 'Product', name: 'Cup', offers: refs },
      { '@id': '#a', '@type': 'AggregateOffer', offers: Array(length / 8).fill({}) },
    ]),
  'offers that refer to one text': (length) =>
    jsonLd(length / 2, '{"sku":{"@id":"#n"},"mpn":1},', (refs) => [
      { '@type': 'Product', name: 'Cup', offers: refs },
      { '@id': '#n', name: '<b>'.repeat(6000), x: 1 },
    ]),
  'images that refer to one caption': (length) =>
    jsonLd(length, '{"@id":"#i"},', (refs) => [
      { '@type': 'Product', name: 'Cup', image: nest(refs, 50) },
      { '@id': '#i', url: '/a.jpg', caption: '<b>'.repeat(6000) },
    ]),
  'groups that refer to one product': (length) =>
    jsonLd(length, '{"@id":"#g"},', (refs) => [
      { '@type': 'Product', name: 'Cup', isVariantOf: refs, hasVariant: refs },
      { '@id': '#g', '@type': 'Product', name: '<b>'.repeat(6000), offers: [{ price: 1 }, { price: 2 }] },
    ]),
  'offers that refer to one list of prices': (length) =>
    jsonLd(length / 2, '{"priceSpecification":{"@id":"#p"}},', (refs) => [
      { '@type': 'Product', name: 'Cup', offers: refs },
      { '@id': '#p', price: Array(length / 20).fill('x'), x: 1 },
    ]),
  'products within products': (length) =>
    nested('<div itemscope itemtype="https://schema.org/Product" itemprop="a">', length),
  'products within products, and properties': (length) =>
    '<div itemscope itemtype="https://schema.org/Product" itemprop="a b c">'.repeat(200) +
    fill('<i itemprop="name offers">x</i>', length),
  'properties within properties': (length) =>
    `<div itemscope itemtype="https://schema.org/Product">${'<div itemprop="name">'.repeat(4000)}${fill('text ', length)}`,
  'a property of many names': (length) =>
    `<div itemscope itemtype="https://schema.org/Product"><b itemprop="${fill('a ', length / 2)}">x</b></div>${fill(' ', length / 2)}`,
  'elements that an item refers to': (length) =>
    `<div itemscope itemtype="https://schema.org/Product" itemref="${ids(length / 40).join(' ')}"></div>${ids(
      length / 40,
    )
      .map((id) => `<div id="${id}" itemprop="name">`)
      .slice(0, 4000)
      .join('')}${fill(' ', length)}`,
  'images and sources in one image': (length) =>
    `<picture>${fill('<source srcset="/a.jpg 1x, /b.jpg 2x"><img src="/c.jpg">', length)}</picture>`,
  'prices within prices': (length) => nested('<div class=price>', length),
  'prices beside prices': (length) => fill('<b class=price>1</b>', length),
  'names of brands': (length) => fill('<b class=brand>&lt;b</b>', length),
  'headings within headings': (length) => `${'<h1>'.repeat(1000)}${fill('text ', length)}`,
  'buttons that say nothing': (length) => fill('<button class=buy></button>', length),
  'attributes of one tag': (length) =>
    `<b ${Array.from({ length: length / 5 }, (_, at) => `a${at.toString(36)}`).join(' ')}>x</b>`,
  'attributes of some tags': (length) =>
    `<b ${Array.from({ length: 2000 }, (_, at) => `a${at.toString(36)}`).join(' ')}>x</b>`.repeat(
      length / 9000,
    ),
  'inline elements that never close': (length) => fill('<i>', length),
  'formats that are opened anew': (length) =>
    `${ids(490)
      .map((id) => `<b ${id}>`)
      .join('')}${fill('</p><p>x', length)}`,
  'elements that never close': (length) => fill('<x>', length),
  'deep elements, and others that were never open': (length) => '<x>'.repeat(4900) + fill('</y>', length),
  'deep elements, and paragraphs that were never open': (length) => '<x>'.repeat(4900) + fill('</p>', length),
  'deep elements, and paragraphs': (length) => '<x>'.repeat(4900) + fill('<p>', length),
  'deep elements, and prices': (length) => '<div>'.repeat(4900) + fill('<b class=price>1</b>', length),
  'elements that belong before their table': (length) => `<table>${fill('<b>x</b>', length)}`,
  'tables within tables': (length) => fill('<table><tr><td>', length),
  'lists that never close': (length) => fill('<ul><li>', length),
  'links within links': (length) => fill('<a href=/x><div>', length),
  'formats that close in another order': (length) => fill('<b><p></b>', length),
  'options that were never closed': (length) => `<select>${fill('<option>', length)}`,
  'templates within templates': (length) => fill('<template>', length),
  'small scripts': (length) => fill('<script>{"a":1,"b":{"c":[{}]}}</script>', length),
  'objects of state': (length) =>
    `<script>var s=[${fill('{"name":"Cup","price":1,"sku":"a"},', length)}]</script>`,
  'lists within lists of state': (length) => `<script>var s=${fill('[', length)}</script>`,
};

function jsonLd(length: number, ref: string, make: (refs: unknown[]) => unknown[]): string {
  const refs = Array(Math.floor(length / ref.length)).fill(JSON.parse(ref.slice(0, -1)));
  const graph = JSON.stringify({ '@graph': make(refs) });
  return `<!doctype html><h1>Cup</h1><script type="application/ld+json">${graph}</script>${' '.repeat(Math.max(0, 150_000 - graph.length))}`;
}

/** Elements nested about as deep as readers accept, repeated. */
function nested(tag: string, length: number): string {
  const name = /\w+/.exec(tag)?.[0];
  return fill(tag.repeat(4900) + `</${name}>`.repeat(4900), length);
}

/** Nests values in lists of at most `size` elements. */
function nest(values: readonly unknown[], size: number): unknown[] {
  let lists: unknown[] = [...values];
  while (lists.length > size)
    lists = Array.from({ length: Math.ceil(lists.length / size) }, (_, at) =>
      lists.slice(at * size, (at + 1) * size),
    );
  return lists;
}

function ids(count: number): string[] {
  return Array.from({ length: Math.floor(count) }, (_, at) => `a${at}`);
}

function fill(part: string, length: number): string {
  return part.repeat(Math.ceil(length / part.length));
}
