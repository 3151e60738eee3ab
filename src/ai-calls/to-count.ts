/** Returns a count that the ledger can store (0 to 2^31 - 1); null for anything else. */
export function toCount(count: number | null): number | null {
  return count !== null && Number.isInteger(count) && count >= 0 && count < 2 ** 31 ? count : null;
}
