import { type Program, type ProgramOptions, startProgram } from '../../test/support/program.ts';

/** A program that ends with its block. */
export type StageProgram = Program & AsyncDisposable;

/** Starts a program; leaving the block stops it, however it is left. */
export async function startOwned(options: ProgramOptions): Promise<StageProgram> {
  const program = await startProgram(options);
  // Not a spread: `address` is read when it is asked for.
  return Object.assign(program, {
    async [Symbol.asyncDispose]() {
      await program.stop();
    },
  });
}
