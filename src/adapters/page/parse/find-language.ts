import type { CheerioAPI } from 'cheerio';
import { findMeta } from './find-meta.ts';

/** No language tag is nearly as long, and reading one takes time by its length. */
const MAX_TAG = 100;

/** The language a page says it is in, as a BCP 47 tag: the first of its ways to say so that names one. */
export function findLanguage($: CheerioAPI): string | null {
  const html = $.root().children('html');
  const tags = [
    html.attr('lang'),
    html.attr('xml:lang'),
    findMeta($, 'property', 'og:locale'),
    findMeta($, 'http-equiv', 'content-language'),
  ];
  for (const tag of tags) {
    try {
      const locale = new Intl.Locale((tag ?? '').slice(0, MAX_TAG).trim().replaceAll('_', '-'));
      if (locale.language !== 'und') return locale.baseName;
    } catch {
      // Not a language tag: the next one may be.
    }
  }
  return null;
}
