/** The content codings that answers can have, in order of preference. */
export const ENCODINGS = ['br', 'gzip'] as const;
export type Encoding = (typeof ENCODINGS)[number];

/**
 * Picks the content coding for an answer from `Accept-Encoding` (RFC 9110, 12.5.3): the one with
 * the highest weight, and among equal ones our preferred one. Returns undefined for no coding,
 * which every client understands.
 */
export function chooseEncoding(header: string | undefined): Encoding | undefined {
  const weights = new Map<string, number>();
  // A header of 16 KB can name thousands of codings; real clients name a few.
  for (const part of (header ?? '').split(',', 20)) {
    const [name = '', ...parameters] = part.split(';').map((text) => text.trim().toLowerCase());
    const weight = parameters.find((text) => text.startsWith('q='))?.slice(2);
    weights.set(name === 'x-gzip' ? 'gzip' : name, weight === undefined ? 1 : Number(weight) || 0);
  }
  const weigh = (encoding: Encoding): number => weights.get(encoding) ?? weights.get('*') ?? 0;
  const best = Math.max(...ENCODINGS.map(weigh));
  return best > 0 ? ENCODINGS.find((encoding) => weigh(encoding) === best) : undefined;
}
