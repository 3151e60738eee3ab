import { type Program, type ProgramOptions, startProgram } from '../../test/support/program.ts';

/** A program that stops when it is disposed. */
export type StageProgram = Program & AsyncDisposable;

const running = new Set<Program>();

/** Starts a program. Leaving the block of its `await using` stops it, even after an error. */
export async function startOwned(options: ProgramOptions): Promise<StageProgram> {
  const program = await startProgram(options);
  running.add(program);
  // Not a spread, which would read the getter `address` only once, now.
  return Object.assign(program, {
    async [Symbol.asyncDispose]() {
      await program.stop();
      running.delete(program);
    },
  });
}

/**
 * Stops the programs whose blocks will not be left because the benchmark itself was told to stop.
 */
export async function stopOwned(): Promise<void> {
  await Promise.all([...running].map((program) => program.stop()));
}
