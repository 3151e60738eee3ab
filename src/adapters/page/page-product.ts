/** Where on a page a fact was found, most trusted first; `given` is not from the page but by hand. */
export type PageSource = 'given' | 'json-ld' | 'microdata' | 'rdfa' | 'og' | 'state' | 'dom';

/** An image that may show the product. */
export interface CandidateImage {
  /** Absolute http(s) address without a fragment. */
  url: string;
  alt: string | null;
  source: PageSource;
  /** Its place among the images of its source, from 0. */
  position: number;
  /** As the page says, in pixels; often missing, sometimes wrong. */
  width: number | null;
  height: number | null;
}

/** What was read from a product page. Every text is plain text. */
export interface PageProduct {
  /** The page's own address: see `canonicalAddress`. */
  address: string;
  /** At most 300 characters. */
  title: string;
  /** At most 2000 characters. */
  description: string | null;
  brand: string | null;
  sku: string | null;
  gtin: string | null;
  mpn: string | null;
  /** A decimal string, "1299.00". */
  priceAmount: string | null;
  /** ISO 4217. */
  priceCurrency: string | null;
  /** As a shopper sees it, in the page's language: "€1,299.00". */
  priceText: string | null;
  availability: 'InStock' | 'OutOfStock' | null;
  /** BCP 47. */
  language: string | null;
  /** At most 20, without repeats, best guess first. */
  images: CandidateImage[];
  /** For each fact that was found: where. */
  provenance: Record<string, PageSource>;
}

/** An image as one source names it: the address may still be relative. */
export interface FoundImage {
  url: string;
  alt: string | null;
  width: number | null;
  height: number | null;
}

/** A price as one source gives it. */
export interface FoundPrice {
  amount: string;
  currency: string | null;
}

/** What one source of a page says about the product. */
export interface ProductFacts {
  title: string | null;
  description: string | null;
  brand: string | null;
  sku: string | null;
  gtin: string | null;
  mpn: string | null;
  price: FoundPrice | null;
  availability: 'InStock' | 'OutOfStock' | null;
  images: FoundImage[];
}

/** What the readers know of the page they read: helps to tell its product, and its currency. */
export interface PageHints {
  readonly url: string;
  readonly language: string | null;
  /** Texts that name the page's product somewhere: heading, `<title>`, og:title. */
  readonly titles: readonly string[];
}
