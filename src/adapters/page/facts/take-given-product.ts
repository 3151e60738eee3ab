import type { PageProduct, PageSource } from '../page-product.ts';
import { canonicalAddress } from './canonical-address.ts';

/** What a person said of a product. */
export interface GivenFacts {
  readonly title: string;
  readonly description?: string | undefined;
  readonly priceText?: string | undefined;
  readonly imageUrls: readonly string[];
}

/** A product as if its page had been read, from what was given by hand; `url` is the page's. */
export function takeGivenProduct(url: string, given: GivenFacts): PageProduct {
  const facts = {
    title: given.title,
    description: given.description ?? null,
    priceText: given.priceText ?? null,
  };
  const said = Object.entries(facts).filter(([, value]) => value !== null);
  return {
    ...facts,
    address: canonicalAddress(url),
    brand: null,
    sku: null,
    gtin: null,
    mpn: null,
    priceAmount: null,
    priceCurrency: null,
    availability: null,
    language: null,
    images: [...new Set(given.imageUrls)].map((imageUrl, position) => ({
      url: imageUrl,
      alt: null,
      source: 'given',
      position,
      width: null,
      height: null,
    })),
    provenance: Object.fromEntries(said.map(([field]): [string, PageSource] => [field, 'given'])),
  };
}
