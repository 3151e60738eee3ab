import { textOf, type Visit } from './walk-page.ts';

/**
 * Returns the next words on the page within a number of nodes, or an empty string. `read` returns
 * the words of a node; by default, its text.
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
