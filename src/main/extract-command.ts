import { readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { createImageDecoder } from '../adapters/images/image-decoder.ts';
import { readProductPage } from '../adapters/page/read-product-page.ts';
import type { Settings } from './config.ts';
import { createPageReader } from './create-page-reader.ts';

/**
 * `extract`: prints the data that the page reader finds in files and at addresses, one JSON
 * document for each.
 */
export async function runExtract(
  settings: Settings,
  inputs: readonly string[],
  options: { url?: string },
): Promise<void> {
  // This command decodes no images, so it must not start a decoder process.
  const images = { ...createImageDecoder(), prepare() {} };
  const reader = createPageReader(images, settings);
  try {
    for (const input of inputs) {
      const product = /^https?:\/\//i.test(input)
        ? await reader.pages.readPage(input, { owner: '', signal: new AbortController().signal })
        : readProductPage({
            html: await readFile(input),
            contentType: 'text/html',
            url: options.url ?? pathToFileURL(input).href,
          });
      process.stdout.write(`${JSON.stringify(product, null, 2)}\n`);
    }
  } finally {
    await reader.close();
  }
}
