/** Rows deleted per transaction: few enough that locks are held only briefly. */
export const DELETE_STEP = 500;

/**
 * Calls `deleteSome` until it deletes fewer than `DELETE_STEP` rows, and returns the total.
 * `deleteSome` must delete at most `DELETE_STEP` rows in a transaction of its own and return their
 * number.
 */
export async function deleteInSteps(deleteSome: () => Promise<number>): Promise<number> {
  for (let sum = 0; ; ) {
    const count = await deleteSome();
    sum += count;
    if (count < DELETE_STEP) return sum;
  }
}
