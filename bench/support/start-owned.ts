import { type Program, type ProgramOptions, startProgram } from '../../test/support/program.ts';

/** A program that ends with its block. */
export type StageProgram = Program & AsyncDisposable;

const running = new Set<Program>();

/** Starts a program; leaving the block stops it, however it is left. */
export async function startOwned(options: ProgramOptions): Promise<StageProgram> {
  const program = await startProgram(options);
  running.add(program);
  // Not a spread: `address` is read when it is asked for.
  return Object.assign(program, {
    async [Symbol.asyncDispose]() {
      await program.stop();
      running.delete(program);
    },
  });
}

/** Stops those whose block cannot be left, as the bench itself was told to stop. */
export async function stopOwned(): Promise<void> {
  await Promise.all([...running].map((program) => program.stop()));
}
