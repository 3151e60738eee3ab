/** The approximate size of the page. */
const PAGE_BYTES = 3_000_000;
const REVIEWS = 1200;
const TILES = 1400;
const CATEGORIES = 1500;

const WORDS =
  'light warm soft grey blue cup mug saucer table kitchen gift coffee tea morning glaze stone hand made of in with and for the a'.split(
    ' ',
  );

/**
 * Returns a product page like those of large shops, only larger: about 40,000 elements (menu,
 * gallery, description, reviews, tiles of other products), JSON-LD, and a script with its state
 * that fills the page up to 3 MB. Always returns the same page.
 */
export function makeLargePage(): string {
  let seed = 1;
  const next = (range: number) => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % range;
  };
  const words = (count: number) => Array.from({ length: count }, () => WORDS[next(WORDS.length)]).join(' ');
  const list = (count: number, make: (index: number) => string) =>
    Array.from({ length: count }, (_, i) => make(i)).join('\n');

  const menu = list(
    CATEGORIES,
    (i) =>
      `<li class="nav__item nav__item--level-${i % 3}"><a class="nav__link" href="/c/${i}?sort=best" data-id="${i}"><span>${words(2)}</span></a></li>`,
  );
  const reviews = list(
    REVIEWS,
    (
      i,
    ) => `<div class="review" itemprop="review" id="r${i}"><div class="review__head"><span class="stars" aria-label="${1 + next(5)} of 5"><i></i><i></i><i></i><i></i><i></i></span>
<b class="review__author">${words(2)}</b> <time datetime="2024-0${1 + next(9)}-1${next(10)}">last year</time></div><p class="review__text">${words(60)}</p><p>${words(20)}</p></div>`,
  );
  const tiles = list(
    TILES,
    (
      i,
    ) => `<article class="product-tile js-tile" data-sku="T-${i}" data-position="${i}"><a href="/p/tile-${i}"><picture><source type="image/webp" srcset="/img/t${i}.webp 200w, /img/t${i}@2x.webp 400w"><img loading="lazy" class="product-tile__image" src="/img/t${i}.jpg" width="200" height="200" alt="${words(4)}"></picture>
<h3 class="product-tile__name">${words(4)}</h3><div class="price-box"><span class="price"><span class="currency">$</span>${10 + next(90)}.<sup>${10 + next(89)}</sup></span><del>$${100 + next(90)}.00</del></div></a><button class="btn"><svg viewBox="0 0 20 20"><path d="M1 1h18v18H1z"></path></svg></button></article>`,
  );
  const specs = list(300, (i) => `<tr><th scope="row">${words(2)} ${i}</th><td>${words(5)}</td></tr>`);
  const gallery = list(
    12,
    (i) =>
      `<li><a href="/img/cup-${i}-large.jpg"><img src="/img/cup-${i}.jpg" srcset="/img/cup-${i}.jpg 600w, /img/cup-${i}-large.jpg 1600w" width="600" height="600" alt="Stoneware cup, view ${i}"></a></li>`,
  );
  const product = {
    '@context': 'https://schema.org',
    '@type': 'Product',
    name: 'Stoneware cup',
    sku: 'CUP-77',
    brand: { '@type': 'Brand', name: 'Lehm' },
    description: words(200),
    image: Array.from({ length: 12 }, (_, i) => `/img/cup-${i}-large.jpg`),
    offers: {
      '@type': 'Offer',
      price: '24.90',
      priceCurrency: 'USD',
      availability: 'https://schema.org/InStock',
    },
    review: Array.from({ length: 200 }, () => ({
      '@type': 'Review',
      reviewBody: words(40),
      author: words(2),
    })),
  };
  const page = (
    state: string,
  ) => `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Stoneware cup | Lehm</title>
<meta property="og:type" content="product"><meta property="og:title" content="Stoneware cup"><meta property="og:image" content="/img/cup-0-large.jpg">
<script type="application/ld+json">${JSON.stringify(product)}</script><style>${'.a{color:red}'.repeat(4000)}</style></head><body>
<header class="header"><nav><ul>${menu}</ul></nav></header><main class="pdp"><ul class="gallery">${gallery}</ul><h1 class="product-title">Stoneware cup</h1>
<div class="price-box"><span class="price">$24.90</span></div><button class="add-to-cart">Add to cart</button>
<section class="description"><p>${words(400)}</p><table class="specs">${specs}</table></section><section class="reviews">${reviews}</section>
<section class="related-products">${tiles}</section></main><footer><ul>${menu}</ul></footer>
<script>window.__INITIAL_STATE__ = ${state};</script></body></html>`;

  const entries: unknown[] = [];
  for (let left = PAGE_BYTES - page('').length; left > 0; left -= JSON.stringify(entries.at(-1)).length + 1) {
    const id = entries.length;
    const prices = { list: 10 + next(90), sale: 5 + next(50), currency: 'USD' };
    const entry = {
      id,
      sku: `S-${id}`,
      name: words(4),
      url: `/p/s-${id}`,
      prices,
      tags: [words(1), words(1)],
      text: words(30),
    };
    entries.push(entry);
  }
  return page(JSON.stringify({ catalogue: { products: entries } }));
}
