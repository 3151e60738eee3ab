import { textOf, type Visit } from './walk-page.ts';

/**
 * The words that come next on the page, within so many nodes; empty when there are none. `read` says what the words of a node
 * are, where that is more, or less, than its text.
 */
export function findNextWords(
  visits: readonly Visit[],
  at: number,
  { within, read = textOf }: { within: number; read?: (visit: Visit) => string },
): string {
  for (const visit of visits.slice(at + 1, at + 1 + within)) {
    const words = read(visit);
    if (words !== '') return words;
  }
  return '';
}
