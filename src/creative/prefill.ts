import { z } from 'zod';
import { languageTag, plainText, webAddress } from '../lib/plain-text.ts';

/** The maximum lengths of texts in a prefill, in characters. */
export const PREFILL_LENGTHS = {
  headline: 80,
  subheadline: 140,
  body: 400,
  ctaText: 30,
  priceText: 60,
} as const;

const colorsSchema = z.object({
  background: z.string(),
  text: z.string(),
  button: z.string(),
  buttonText: z.string(),
});
export type Colors = z.infer<typeof colorsSchema>;

/** The content of a CTA. Addresses are absolute in responses; our own are stored as paths. */
export const prefillSchema = z.object({
  headline: z.string(),
  subheadline: z.string().nullable(),
  body: z.string().nullable(),
  ctaText: z.string(),
  ctaUrl: z.string(),
  priceText: z.string().nullable(),
  productImageUrl: z.string(),
  backgroundImageUrl: z.string(),
  colors: colorsSchema,
  locale: z.string(),
});
export type Prefill = z.infer<typeof prefillSchema>;

const color = z
  .string()
  .regex(/^#[0-9a-f]{6}$/i, { error: 'must be a color such as #1a2b3c' })
  .toLowerCase();

/**
 * A part or all of a prefill as a merge patch (RFC 7396): present fields change, and null clears a
 * nullable one.
 */
export const prefillPatchSchema = z.strictObject({
  headline: plainText(PREFILL_LENGTHS.headline).optional(),
  subheadline: plainText(PREFILL_LENGTHS.subheadline).nullable().optional(),
  body: plainText(PREFILL_LENGTHS.body).nullable().optional(),
  ctaText: plainText(PREFILL_LENGTHS.ctaText).optional(),
  ctaUrl: webAddress().optional(),
  priceText: plainText(PREFILL_LENGTHS.priceText).nullable().optional(),
  productImageUrl: webAddress().optional(),
  backgroundImageUrl: webAddress().optional(),
  colors: z
    .strictObject({
      background: color.optional(),
      text: color.optional(),
      button: color.optional(),
      buttonText: color.optional(),
    })
    .optional(),
  locale: languageTag().optional(),
});
export type PrefillPatch = z.infer<typeof prefillPatchSchema>;
