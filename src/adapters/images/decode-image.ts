import { composeScene } from './compose-scene.ts';
import { configureSharp, withSvg } from './configure-sharp.ts';
import { copyImage, makeView } from './copy-image.ts';
import { inspectImage } from './inspect-image.ts';
import { makeBackground } from './make-background.ts';

configureSharp();

/** The tasks of a decoding process; see `ImageDecoder`. `nothing` checks that the process works. */
const TASKS = {
  nothing: async () => null,
  inspect: inspectImage,
  copy: copyImage,
  makeView,
  makeBackground,
  composeScene: (...args: Parameters<typeof composeScene>) => withSvg(() => composeScene(...args)),
};

export type ImageTasks = typeof TASKS;

/** One task with its arguments. */
export type ImageRequest = {
  [Name in keyof ImageTasks]: { readonly task: Name; readonly args: Parameters<ImageTasks[Name]> };
}[keyof ImageTasks];

/**
 * The result, or the reason why the image cannot be used: errors lose their class between
 * processes, so they are sent as data.
 */
export type ImageResponse =
  | { readonly result: Awaited<ReturnType<ImageTasks[keyof ImageTasks]>> }
  | { readonly refused: string };

/** Runs a task. Never throws: a failure means that the image cannot be used. */
export async function decodeImage({ task, args }: ImageRequest): Promise<ImageResponse> {
  try {
    const run = TASKS[task] as (...given: typeof args) => ReturnType<ImageTasks[typeof task]>;
    return { result: await run(...args) };
  } catch (error) {
    const { message, cause } = error as Error;
    return { refused: cause instanceof Error ? cause.message : message };
  }
}
