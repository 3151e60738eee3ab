import type { StoredCopy } from '../ai-calls/ai-call.ts';
import { assetPath } from '../assets/asset.ts';
import { cutText } from '../lib/cut-text.ts';
import type { Brief } from '../products/product.ts';
import { chooseColors } from './choose-colors.ts';
import { PREFILL_LENGTHS, type Prefill } from './prefill.ts';

/** The parts of a prefill. */
export interface PrefillParts {
  readonly brief: Brief;
  readonly texts: StoredCopy;
  readonly productImage: { readonly key: string; readonly palette: readonly string[] };
  readonly background: { readonly key: string; readonly palette: readonly string[] };
}

/**
 * Combines both answers and the facts of the product. Cuts texts that are too long at a word:
 * another call would cost money.
 */
export function composePrefill({ brief, texts, productImage, background }: PrefillParts): Prefill {
  return {
    headline: cutText(texts.headline.trim(), PREFILL_LENGTHS.headline),
    subheadline: optional(texts.subheadline, PREFILL_LENGTHS.subheadline),
    body: optional(texts.body, PREFILL_LENGTHS.body),
    ctaText: cutText(texts.ctaText.trim(), PREFILL_LENGTHS.ctaText),
    ctaUrl: brief.url,
    priceText: optional(brief.priceText, PREFILL_LENGTHS.priceText),
    productImageUrl: assetPath(productImage.key),
    backgroundImageUrl: assetPath(background.key),
    colors: chooseColors({ background: background.palette, product: productImage.palette }),
    locale: brief.locale,
  };
}

function optional(text: string | null, max: number): string | null {
  return text?.trim() ? cutText(text.trim(), max) : null;
}
