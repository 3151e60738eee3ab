import { z } from 'zod';

/** A product as a page reader hands it over. Texts are plain; lengths are bounded by the reader. */
export interface ReadProduct {
  readonly address: string;
  readonly title: string;
  readonly description: string | null;
  readonly brand: string | null;
  readonly sku: string | null;
  readonly gtin: string | null;
  readonly mpn: string | null;
  /** A decimal number, such as `1299.00`. */
  readonly priceAmount: string | null;
  /** ISO 4217. */
  readonly priceCurrency: string | null;
  /** As a shopper would see it. */
  readonly priceText: string | null;
  readonly availability: 'InStock' | 'OutOfStock' | null;
  /** BCP 47. */
  readonly language: string | null;
  /** Field -> where it came from. */
  readonly provenance: Readonly<Record<string, string>>;
}

/** A picture that was downloaded, decoded and ranked. */
export interface RankedPicture {
  readonly url: string;
  readonly alt: string | null;
  readonly bytes: Buffer;
  readonly contentType: string;
  readonly width: number;
  readonly height: number;
  /** '#rrggbb', most used first. */
  readonly palette: readonly string[];
  readonly score: number;
}

/** How the pictures of a page were ranked. */
export interface RankingMethod {
  readonly method: 'clip' | 'heuristic';
  readonly model: string | null;
}

/** What the AI calls of a source are told. A copy is kept with the source, so that every try says the same. */
export const briefSchema = z.object({
  title: z.string(),
  description: z.string().nullable(),
  brand: z.string().nullable(),
  priceText: z.string().nullable(),
  locale: z.string(),
  /** Where the button leads. */
  url: z.string(),
});
export type Brief = z.infer<typeof briefSchema>;

/** More of a description than this does not make better texts, only dearer ones. */
const BRIEF_DESCRIPTION_LENGTH = 1200;

/** The brief of a product. A page that does not say its language is taken for English. */
export function makeBrief(product: ReadProduct): Brief {
  return {
    title: product.title,
    description: product.description?.slice(0, BRIEF_DESCRIPTION_LENGTH).toWellFormed() ?? null,
    brand: product.brand,
    priceText: product.priceText,
    locale: product.language ?? 'en',
    url: product.address,
  };
}
