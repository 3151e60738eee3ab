import { createHash } from 'node:crypto';

interface Page {
  readonly origin: string;
  readonly images: number;
  readonly language: string;
}

const BRANDS = ['Northwind', 'Alma & Co', 'Kestrel', 'Studio Birke', 'Fjordline', 'Oakley Mills'];
const DESCRIPTIONS: Record<string, string> = {
  en: '{title} by {brand} is made for every day. It is light, sturdy and easy to care for. Choose the size that fits you and keep it for years.',
  de: '{title} von {brand} ist für jeden Tag gemacht. Leicht, robust und pflegeleicht. Wählen Sie die passende Größe und behalten Sie es jahrelang.',
};

/**
 * Returns a number that is always the same for a name. The differences between products come from
 * it.
 */
export function hashOf(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE(0);
}

/** Derives the facts of a product from its name: `red-shoe` is a "Red Shoe". */
function describeProduct(name: string, language: string) {
  const hash = hashOf(name);
  const title = name
    .split('-')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join(' ');
  const brand = BRANDS[hash % BRANDS.length] ?? 'Northwind';
  const text = DESCRIPTIONS[language] ?? DESCRIPTIONS.en ?? '';
  return {
    title,
    brand,
    description: text.replace('{title}', title).replace('{brand}', brand),
    price: `${10 + (hash % 190)}.${hash % 2 === 0 ? '00' : '95'}`,
    sku: `SKU-${hash % 100000}`,
  };
}

/**
 * Renders a product page as shops write them: JSON-LD, Open Graph, a gallery, a logo and a footer.
 */
export function renderProduct(name: string, { origin, images: count, language }: Page): string {
  const product = describeProduct(name, language);
  const url = `${origin}/products/${name}`;
  const images = Array.from({ length: count }, (_, index) => `${origin}/images/${name}-${index + 1}.jpg`);
  const jsonLd = {
    '@context': 'https://schema.org',
    '@type': 'Product',
    name: product.title,
    description: product.description,
    sku: product.sku,
    brand: { '@type': 'Brand', name: product.brand },
    ...(images.length > 0 ? { image: images } : {}),
    offers: {
      '@type': 'Offer',
      price: product.price,
      priceCurrency: 'EUR',
      availability: 'https://schema.org/InStock',
      url,
    },
  };
  const gallery = images
    .map(
      (image, index) =>
        `<img src="${image}" width="800" height="800" alt="${product.title}, view ${index + 1}">`,
    )
    .join('\n');
  return `<!doctype html>
<html lang="${language}"><head><meta charset="utf-8">
<title>${product.title} | Fake Shop</title>
<link rel="canonical" href="${url}">
<meta name="description" content="${product.description}">
<meta property="og:type" content="product">
<meta property="og:title" content="${product.title}">
<meta property="og:url" content="${url}">
${images[0] === undefined ? '' : `<meta property="og:image" content="${images[0]}">`}
<meta property="product:price:amount" content="${product.price}">
<meta property="product:price:currency" content="EUR">
<script type="application/ld+json">${JSON.stringify(jsonLd)}</script>
</head><body>
<header><a href="/"><img src="/images/shop-logo.png" width="120" height="40" alt="Fake Shop logo"></a></header>
<main><h1>${product.title}</h1>
<div class="gallery">
${gallery}
</div>
<p class="price">€${product.price}</p>
<p class="stock">In stock</p>
<p>${product.description}</p>
<button>Add to cart</button></main>
<footer><p>Fake Shop, 127.0.0.1</p></footer>
</body></html>`;
}
