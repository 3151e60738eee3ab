/**
 * Other things that images on a product page may show. The score of an image is how much better the
 * product's title fits it than all of these. The list must therefore name what shops put beside
 * products, not what products may look like.
 */
export const NEGATIVE_PROMPTS: readonly string[] = [
  'a logo of a company',
  'a banner with advertising text',
  'an icon',
  'a size chart with a table of numbers',
  'a page full of text',
  'a diagram with measurements',
  'a payment or trust badge',
  'a portrait of people without a product',
  'a screenshot of a website',
  'a blank image',
  'a colour swatch',
  'a map',
];

/** Returns the text that an image of the product should fit. */
export function productPrompt(title: string): string {
  return `a product photo of ${title}`;
}
