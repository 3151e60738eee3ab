import type { CheerioAPI } from 'cheerio';
import { findMeta } from './find-meta.ts';

/** Language tags are far shorter, and the time for parsing one grows with its length. */
const MAX_TAG = 100;

/**
 * Returns the language of a page as a BCP 47 tag: the first valid one of the places that state it.
 */
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
      // Not a language tag. The next one may be.
    }
  }
  return null;
}
