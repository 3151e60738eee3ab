import type { PageProduct, PageSource } from '../page-product.ts';
import { canonicalAddress } from './canonical-address.ts';

/** Facts about a product that a person entered. */
export interface GivenFacts {
  readonly title: string;
  readonly description?: string | undefined;
  readonly priceText?: string | undefined;
  readonly imageUrls: readonly string[];
}

/**
 * Returns a product made of the entered facts, as if its page had been read. `url` is the page's.
 */
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
