/** Returns a valid product page with the additions of a trick. */
export function renderCup({ image = '', head = '', body = '' } = {}): string {
  const withImage = image === '' ? {} : { image };
  const product = {
    '@type': 'Product',
    name: 'Cup',
    ...withImage,
    offers: { price: '5.00', priceCurrency: 'EUR' },
  };
  return `<!doctype html><html lang="en"><head><title>Cup</title>${head}
<script type="application/ld+json">${JSON.stringify(product)}</script></head><body><h1>Cup</h1>${body}</body></html>`;
}
