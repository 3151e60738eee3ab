import { parsePage } from './parse-page.ts';
import type { ProductPage } from './read-product-page.ts';

/*
 * A process that reads pages for `page-parser.ts`: one message in, one out. It ends with the program that started it, as
 * its channel does.
 */
process.on('message', (page: ProductPage) => process.send?.(parsePage(page)));
process.on('disconnect', () => process.exit());
