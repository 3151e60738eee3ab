/** Longer sets are cut: those of real shops have a few dozen addresses. */
const MAX_LENGTH = 20_000;
const SPACE = /\s/;
const DESCRIPTOR = /^(\d{1,9}(?:\.\d{1,9})?)([wx])$/;

export interface SrcsetImage {
  readonly url: string;
  /** Its width in pixels, or 1000 times its density. */
  readonly size: number;
}

/**
 * Returns the images of a `srcset` attribute. An address ends at white space, or at a comma before
 * white space, and may contain commas (HTML Standard, 4.8.4.2.1). Unlike browsers, keeps an image
 * whose descriptor cannot be read. Takes linear time.
 */
export function readSrcset(text: string): SrcsetImage[] {
  const set = text.slice(0, MAX_LENGTH);
  const images: SrcsetImage[] = [];
  for (let at = 0; at < set.length; ) {
    while (at < set.length && (set[at] === ',' || SPACE.test(set.charAt(at)))) at += 1;
    const start = at;
    while (at < set.length && !SPACE.test(set.charAt(at))) at += 1;
    let end = at;
    while (set[end - 1] === ',' && end > start) end -= 1;
    let size = 1000;
    if (end === at) {
      const comma = set.indexOf(',', at);
      const next = comma < 0 ? set.length : comma;
      size = readSize(set.slice(at, next));
      at = next;
    }
    if (end > start) images.push({ url: set.slice(start, end), size });
  }
  return images;
}

function readSize(descriptors: string): number {
  for (const word of descriptors.split(/\s+/, 5)) {
    const [, size, unit] = DESCRIPTOR.exec(word) ?? [];
    if (size !== undefined) return Number(size) * (unit === 'w' ? 1 : 1000);
  }
  return 1000;
}
