import { keepCompiled, writeCompiled } from '../../lib/keep-compiled.ts';
import type { ProductPage } from './read-product-page.ts';

/*
 * A process that reads pages for `page-parser.ts`: one message in, one out. It ends with the program that started it, as
 * its channel does.
 */
keepCompiled();
const loaded = import('./parse-page.ts');
// It may be ended at any moment: what was compiled is written as soon as all is loaded.
loaded.then(writeCompiled, () => process.exit(1));

process.on('message', async (page: ProductPage) => {
  const { parsePage } = await loaded;
  process.send?.(parsePage(page));
});
process.on('disconnect', () => process.exit());
