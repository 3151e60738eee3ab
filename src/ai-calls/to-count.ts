/** A count as the ledger can hold it; null for one that is not known or makes no sense. */
export function toCount(count: number | null): number | null {
  return count !== null && Number.isInteger(count) && count >= 0 && count < 2 ** 31 ? count : null;
}
