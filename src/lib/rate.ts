/** A limit: at most `maxCalls` calls or requests in any period of `windowMs`. */
export interface Rate {
  readonly maxCalls: number;
  readonly windowMs: number;
}

const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000 } as const;

/** Parses `20/m`, `5/s`, `1000/h` or `off` (null). Returns undefined for anything else. */
export function parseRate(text: string): Rate | null | undefined {
  if (text === 'off') return null;
  const match = /^([1-9]\d{0,5})\/([smh])$/.exec(text);
  if (!match) return undefined;
  return { maxCalls: Number(match[1]), windowMs: UNIT_MS[match[2] as keyof typeof UNIT_MS] };
}
