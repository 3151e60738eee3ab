/**
 * Where a fact was found on a page, the most trusted source first. `given`: a person entered it.
 */
export type PageSource = 'given' | 'json-ld' | 'microdata' | 'rdfa' | 'og' | 'state' | 'dom';

/** An image that may show the product. */
export interface CandidateImage {
  /** An absolute http(s) address without a fragment. */
  url: string;
  alt: string | null;
  source: PageSource;
  /** The index among the images of its source. */
  position: number;
  /** As stated by the page, in pixels; often missing, sometimes wrong. */
  width: number | null;
  height: number | null;
}

/** The facts that were read from a product page. Every text is plain text. */
export interface PageProduct {
  /** The address of the page. See `canonicalAddress`. */
  address: string;
  /** At most 300 characters. */
  title: string;
  /** At most 2000 characters. */
  description: string | null;
  brand: string | null;
  sku: string | null;
  gtin: string | null;
  mpn: string | null;
  /** A decimal number, "1299.00". */
  priceAmount: string | null;
  /** ISO 4217. */
  priceCurrency: string | null;
  /** As the page's language writes it: "€1,299.00". */
  priceText: string | null;
  availability: 'InStock' | 'OutOfStock' | null;
  /** BCP 47. */
  language: string | null;
  /** At most 20, each once, the most likely first. */
  images: CandidateImage[];
  /** The source of each fact that was found. */
  provenance: Record<string, PageSource>;
}

/** An image as one source describes it. The address may still be relative. */
export interface FoundImage {
  url: string;
  alt: string | null;
  width: number | null;
  height: number | null;
}

/** A price from one source. */
export interface FoundPrice {
  amount: string;
  currency: string | null;
}

/** The facts about the product from one source of a page. */
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

/** Facts about the page that help the readers to find its product and its currency. */
export interface PageHints {
  readonly url: string;
  readonly language: string | null;
  /** Texts that name the page's product: heading, `<title>`, og:title. */
  readonly titles: readonly string[];
}
