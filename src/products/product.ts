import { z } from 'zod';
import { plainText, webAddress } from '../lib/plain-text.ts';

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

/** An image that was downloaded, decoded and ranked. */
export interface ProductImage {
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

/** How the images of a page were ranked. */
export interface RankingMethod {
  readonly method: 'clip' | 'heuristic';
  readonly model: string | null;
}

/** A product that is given by hand, in place of reading its page: for shops that do not let us read them. */
export const givenProductSchema = z.strictObject({
  title: plainText(300),
  description: plainText(2000).optional(),
  /** As a shopper would see it. */
  priceText: plainText(60).optional(),
  /** Best first. */
  imageUrls: z
    .array(webAddress())
    .min(1, { error: 'must have at least one image' })
    .max(20, { error: 'must have at most 20 images' }),
});
export type GivenProduct = z.infer<typeof givenProductSchema>;

/** What the AI calls of a source are told. A copy is kept with the source, so that every try says the same. */
export const briefSchema = z.object({
  title: z.string(),
  description: z.string().nullable(),
  brand: z.string().nullable(),
  priceText: z.string().nullable(),
  locale: z.string(),
  /** Where the button leads. */
  url: z.string(),
  /** How they are to sound, in the words of who asked. Absent in what older versions stored. */
  tone: z.string().nullable().default(null),
});
export type Brief = z.infer<typeof briefSchema>;

/** More of a description than this does not make better texts, only dearer ones. */
const BRIEF_DESCRIPTION_LENGTH = 1200;

/** What was asked of the texts of a source. */
export interface TextWishes {
  readonly locale: string | null;
  readonly tone: string | null;
}

/** The brief of a product. A page that does not say its language is taken for English, if no other was asked for. */
export function makeBrief(product: ReadProduct, { locale, tone }: TextWishes): Brief {
  return {
    title: product.title,
    description: product.description?.slice(0, BRIEF_DESCRIPTION_LENGTH).toWellFormed() ?? null,
    brand: product.brand,
    priceText: product.priceText,
    locale: locale ?? product.language ?? 'en',
    url: product.address,
    tone,
  };
}
