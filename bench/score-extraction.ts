import type { PageProduct } from '../src/adapters/page/page-product.ts';

/** The facts that are scored as a found value against accepted ones. */
export const ATTRIBUTES = ['price', 'availability', 'sku', 'brand'] as const;

/** What the reader said about one page, in the shape predictions are kept in; a page it refused has nothing. */
export interface Prediction {
  price: string | null;
  availability: string | null;
  sku: string | null;
  brand: string | null;
  currency: string | null;
  title: string | null;
  description: string | null;
  /** Addresses, best first. */
  images: string[];
}

/** The accepted values of a page. */
export type Truth = Readonly<Partial<Record<(typeof ATTRIBUTES)[number], readonly string[]>>> & {
  readonly url: string;
};

/** What a person said of a page's title and images. */
export interface Label {
  readonly title: readonly string[];
  readonly main_image: readonly string[];
  readonly product_images: readonly string[];
  readonly wrong_images: readonly string[];
  readonly no_image: boolean;
}

/** The prediction in a product; of none, what an unread page counts as. */
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

/** One page's outcome for one attribute; a wrong value where there is a right one is both false positive and negative. */
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

/** Whether the title is an accepted one, after white space and case folding. */
export function isTitleRight(guess: Prediction, label: Label): boolean {
  const fold = (text: string) => text.trim().replace(/\s+/g, ' ').toLowerCase();
  return guess.title !== null && label.title.some((title) => fold(title) === fold(guess.title ?? ''));
}

/** Whether the first image is the page's main one; on a page without images, whether there is none. */
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
