/** Rows of one step: few enough that a lock is held for moments only. */
export const DELETE_STEP = 500;

/**
 * Runs `deleteSome`, which deletes up to `DELETE_STEP` rows in a transaction of its own and answers how many they were, until
 * there are fewer. Answers the sum.
 */
export async function deleteInSteps(deleteSome: () => Promise<number>): Promise<number> {
  for (let sum = 0; ; ) {
    const count = await deleteSome();
    sum += count;
    if (count < DELETE_STEP) return sum;
  }
}
