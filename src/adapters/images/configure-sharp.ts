import sharp from 'sharp';

/** Readers of the allowed formats. All others are blocked, whatever the bytes say. */
const READERS = [
  'VipsForeignLoadJpegBuffer',
  'VipsForeignLoadPngBuffer',
  'VipsForeignLoadWebpBuffer',
  'VipsForeignLoadNsgifBuffer',
  'VipsForeignLoadHeifBuffer',
];
const SVG_READER = ['VipsForeignLoadSvgBuffer'];

/** Prepares sharp for a process that decodes untrusted images, one at a time. */
export function configureSharp(): void {
  // Each image is decoded once, so a cache would waste memory.
  sharp.cache(false);
  sharp.concurrency(1);
  sharp.block({ operation: ['VipsForeignLoad'] });
  sharp.unblock({ operation: READERS });
}

/** Runs work that draws our own SVG. The caller must run nothing else in the process meanwhile. */
export async function withSvg<T>(work: () => Promise<T>): Promise<T> {
  sharp.unblock({ operation: SVG_READER });
  try {
    return await work();
  } finally {
    sharp.block({ operation: SVG_READER });
  }
}
