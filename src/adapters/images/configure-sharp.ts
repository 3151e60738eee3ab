import sharp from 'sharp';

/** The readers of the formats that are let in. All others cannot run, whatever the bytes say. */
const READERS = [
  'VipsForeignLoadJpegBuffer',
  'VipsForeignLoadPngBuffer',
  'VipsForeignLoadWebpBuffer',
  'VipsForeignLoadNsgifBuffer',
  'VipsForeignLoadHeifBuffer',
];
const SVG_READER = ['VipsForeignLoadSvgBuffer'];

/** Prepares sharp for a process that decodes what strangers made, one image at a time. */
export function configureSharp(): void {
  // Images come once: a cache of them is memory for nothing.
  sharp.cache(false);
  sharp.concurrency(1);
  sharp.block({ operation: ['VipsForeignLoad'] });
  sharp.unblock({ operation: READERS });
}

/** Runs work that draws SVG of our own. Nothing else may run in the process meanwhile. */
export async function withSvg<T>(work: () => Promise<T>): Promise<T> {
  sharp.unblock({ operation: SVG_READER });
  try {
    return await work();
  } finally {
    sharp.block({ operation: SVG_READER });
  }
}
