/**
 * A look at something that costs, shared by all who want one within `forMs` of its end: there is never more than one under way.
 * Who asks gets its answer, or its failure, which is shared too. A look that takes longer than `withinMs` fails for those who
 * wait; it goes on, and until it has ended no other one is begun.
 */
export function shareLook<T>(
  look: () => Promise<T>,
  { forMs, withinMs }: { readonly forMs: number; readonly withinMs: number },
): () => Promise<T> {
  let shared: { readonly answer: Promise<T>; endedAt: number | undefined } | undefined;

  function begin(): Promise<T> {
    const answer = (async () => look())();
    const one: NonNullable<typeof shared> = { answer, endedAt: undefined };
    const end = () => {
      one.endedAt = performance.now();
    };
    answer.then(end, end);
    shared = one;
    return answer;
  }

  return async () => {
    const isFresh = shared && (shared.endedAt === undefined || performance.now() - shared.endedAt < forMs);
    const answer = isFresh && shared ? shared.answer : begin();
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(new Error('it took too long')), withinMs);
    try {
      return await Promise.race([answer, late.promise]);
    } finally {
      clearTimeout(timer);
    }
  };
}
