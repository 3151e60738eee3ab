import type { CheerioAPI } from 'cheerio';
import { elementsOf } from './page-elements.ts';

/** Returns the content of the first meta tag with a name. The name must be in lower case. */
export function findMeta($: CheerioAPI, key: 'property' | 'http-equiv', name: string): string | undefined {
  const metas = elementsOf($).byTag('meta');
  return metas.find(({ attribs }) => attribs[key]?.toLowerCase() === name)?.attribs.content;
}
