import { z } from 'zod';
import type { Availability, RankingMethodName } from '../db/schema/values.ts';
import { plainText, webAddress } from '../lib/plain-text.ts';

/** A product as a page reader returns it. Texts are plain; the reader limits their lengths. */
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
  /** The text that a shopper sees. */
  readonly priceText: string | null;
  readonly availability: Availability | null;
  /** BCP 47. */
  readonly language: string | null;
  /** Maps a field to the part of the page that it comes from. */
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
  /** `#rrggbb`, the most frequent color first. */
  readonly palette: readonly string[];
  readonly score: number;
}

/** How the images of a page were ranked. */
export interface RankingMethod {
  readonly method: RankingMethodName;
  readonly model: string | null;
}

/** A product given by the client instead of reading its page, for shops that block our requests. */
export const givenProductSchema = z.strictObject({
  title: plainText(300),
  description: plainText(2000).optional(),
  /** The text that a shopper sees. */
  priceText: plainText(60).optional(),
  /** The best one first. */
  imageUrls: z
    .array(webAddress())
    .min(1, { error: 'must have at least one image' })
    .max(20, { error: 'must have at most 20 images' }),
});
export type GivenProduct = z.infer<typeof givenProductSchema>;

/**
 * The input of the AI calls of a source. A copy is stored with the source, so that every try sends
 * the same.
 */
export const briefSchema = z.object({
  title: z.string(),
  description: z.string().nullable(),
  brand: z.string().nullable(),
  priceText: z.string().nullable(),
  locale: z.string(),
  /** The target of the button. */
  url: z.string(),
  /** The tone of the texts, in the client's words. Absent in briefs of older versions. */
  tone: z.string().nullable().default(null),
});
export type Brief = z.infer<typeof briefSchema>;

/** A longer description makes texts more expensive, not better. */
const BRIEF_DESCRIPTION_LENGTH = 1200;

/** Wishes for the texts of a source. */
export interface TextWishes {
  readonly locale: string | null;
  readonly tone: string | null;
}

/**
 * Makes the brief of a product. The language is the requested one, else the page's, else English.
 */
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
