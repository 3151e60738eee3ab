import type { RankingMethodName } from './values.ts';

/*
 * The shapes of the columns of type jsonb. The folders of the features have a schema for each, with
 * the rules for its values; the compiler compares both.
 */

/** The content of a CTA. Addresses of our own images are stored as paths. */
export interface StoredPrefill {
  headline: string;
  subheadline: string | null;
  body: string | null;
  ctaText: string;
  ctaUrl: string;
  priceText: string | null;
  productImageUrl: string;
  backgroundImageUrl: string;
  colors: StoredColors;
  locale: string;
}

/** Each is `#rrggbb`. */
export interface StoredColors {
  background: string;
  text: string;
  button: string;
  buttonText: string;
}

/** The part of a prefill that a person changed. */
export type StoredOverrides = {
  [K in keyof Omit<StoredPrefill, 'colors'>]?: StoredPrefill[K] | undefined;
} & { colors?: { [K in keyof StoredColors]?: string | undefined } | undefined };

/** How the image of a preview was ranked. */
export interface StoredRanking {
  method: RankingMethodName;
  /** 0 to 1. */
  score: number;
  model: string | null;
}

interface Maker {
  provider: string;
  model: string;
}

/** The origin of texts and background. */
export interface StoredGenerator {
  text: Maker;
  image: Maker;
}

/** A product given in a request, instead of reading the page. */
export interface StoredGivenProduct {
  title: string;
  description?: string | undefined;
  priceText?: string | undefined;
  imageUrls: string[];
}

/** The product as AI calls see it. */
export interface StoredBrief {
  title: string;
  description: string | null;
  brand: string | null;
  priceText: string | null;
  locale: string;
  url: string;
  tone: string | null;
}

/** The answer of a call: texts, or the palette of the image. */
export type StoredAnswer =
  | { headline: string; subheadline: string | null; body: string | null; ctaText: string }
  | { palette: readonly string[] };
