import type { PageProduct } from '../src/adapters/page/page-product.ts';

/** The attributes that are scored by comparing the found value with accepted ones. */
export const ATTRIBUTES = ['price', 'availability', 'sku', 'brand'] as const;

/**
 * What the reader found on one page, in the format of saved predictions. All values are null for a
 * page that it refused.
 */
export interface Prediction {
  price: string | null;
  availability: string | null;
  sku: string | null;
  brand: string | null;
  currency: string | null;
  title: string | null;
  description: string | null;
  /** URLs, best first. */
  images: string[];
}

/** The accepted values of a page. */
export type Truth = Readonly<Partial<Record<(typeof ATTRIBUTES)[number], readonly string[]>>> & {
  readonly url: string;
};

/** A person's labels for a page's title and images. */
export interface Label {
  readonly title: readonly string[];
  readonly main_image: readonly string[];
  readonly product_images: readonly string[];
  readonly wrong_images: readonly string[];
  readonly no_image: boolean;
}

/** Converts a product to a prediction; undefined becomes the prediction for a refused page. */
export function toPrediction(product: PageProduct | undefined): Prediction {
  return {
    price: product?.priceAmount ?? null,
    availability: product?.availability ?? null,
    sku: product?.sku ?? null,
    brand: product?.brand ?? null,
    currency: product?.priceCurrency ?? null,
    title: product?.title ?? null,
    description: product?.description ?? null,
    images: product?.images.map((image) => image.url) ?? [],
  };
}

/**
 * Scores one attribute of one page. A wrong value, where there is a right one, is both a false
 * positive and a false negative.
 */
export function judge(attribute: (typeof ATTRIBUTES)[number], guess: Prediction, truth: Truth) {
  const accepted = truth[attribute] ?? [];
  const value = guess[attribute];
  if (value === null) return { hit: false, isFalsePositive: false, isFalseNegative: accepted.length > 0 };
  const plain = (text: string) => text.trim().replace(/\s+/g, ' ');
  const hit = accepted.some((right) =>
    attribute === 'price' ? Number(right) === Number(value) : plain(right) === plain(value),
  );
  return { hit, isFalsePositive: !hit, isFalseNegative: !hit && accepted.length > 0 };
}

/** Returns whether the title is an accepted one, ignoring case and differences in white space. */
export function isTitleRight(guess: Prediction, label: Label): boolean {
  const fold = (text: string) => text.trim().replace(/\s+/g, ' ').toLowerCase();
  return guess.title !== null && label.title.some((title) => fold(title) === fold(guess.title ?? ''));
}

/**
 * Returns whether the first image is the page's main image; for a page labeled as without images,
 * whether none was found.
 */
export function isMainImageRight(guess: Prediction, label: Label): boolean {
  const first = guess.images[0];
  if (label.no_image || first === undefined) return label.no_image && first === undefined;
  const address = decode(first).toLowerCase();
  const cores = [...label.main_image, ...label.product_images, ...label.wrong_images]
    .map((core) => core.toLowerCase())
    .filter((core) => address.includes(core))
    .sort((a, b) => b.length - a.length);
  return cores[0] !== undefined && label.main_image.some((core) => core.toLowerCase() === cores[0]);
}

function decode(address: string): string {
  try {
    return decodeURIComponent(address);
  } catch {
    return address;
  }
}
