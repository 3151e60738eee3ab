import { execFile } from 'node:child_process';
import { cp, mkdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { type Copy, DockerfileParser, type Instruction, type JSONInstruction } from 'dockerfile-ast';

/** The result of the last stage of a Dockerfile, in a folder instead of an image. */
export interface CarriedOut {
  /** The working directory of the program: the last WORKDIR, inside the stage's folder. */
  readonly cwd: string;
  /** The variables that ENV sets. */
  readonly env: Readonly<Record<string, string>>;
}

export interface CarryOutOptions {
  /** The folder from which COPY copies. */
  readonly context: string;
  /** The folder in which the stages are created. */
  readonly folder: string;
  /** Functions that replace RUN commands. */
  readonly instead: Readonly<Record<string, (cwd: string) => Promise<void>>>;
}

interface Stage {
  readonly root: string;
  readonly env: Record<string, string>;
  cwd: string;
}

/**
 * Carries out a Dockerfile without a container engine, as far as ours needs it. Each stage starts
 * as an empty folder, and commands run on this machine with the Node.js of the tests. Throws for an
 * instruction that it does not know.
 */
export async function carryOutDockerfile(text: string, options: CarryOutOptions): Promise<CarriedOut> {
  const stages = new Map<string, Stage>();
  let stage: Stage = { root: '', env: {}, cwd: '' };
  for (const instruction of DockerfileParser.parse(text).getInstructions()) {
    const words = instruction.getArguments().map((argument) => argument.getValue());
    switch (instruction.getKeyword()) {
      case 'FROM': {
        const name = words[2] ?? 'last';
        const root = join(options.folder, name);
        stage = { root, env: {}, cwd: root };
        stages.set(name, stage);
        break;
      }
      case 'ARG':
      case 'ENV':
        for (const [, name = '', value = ''] of words.map((word) => /^(\w+)=(.*)$/.exec(word) ?? []))
          stage.env[name] = value;
        break;
      case 'WORKDIR':
        stage.cwd = join(stage.root, words[0] ?? '');
        await mkdir(stage.cwd, { recursive: true });
        break;
      case 'COPY':
        await copy(instruction as Copy, words, stage, { stages, context: options.context });
        break;
      case 'RUN':
        await run(instruction, stage, options.instead);
        break;
      case 'LABEL':
      case 'USER':
      case 'EXPOSE':
      case 'STOPSIGNAL':
      case 'HEALTHCHECK':
      case 'ENTRYPOINT':
      case 'CMD':
        break;
      default:
        throw new Error(`${instruction.getKeyword()} is not known here`);
    }
  }
  return { cwd: stage.cwd, env: stage.env };
}

async function copy(
  instruction: Copy,
  words: readonly string[],
  stage: Stage,
  { stages, context }: { stages: ReadonlyMap<string, Stage>; context: string },
): Promise<void> {
  const from = instruction.getFromFlag()?.getValue();
  const root = from ? stages.get(from)?.root : context;
  if (!root) throw new Error(`there is no stage ${from}`);
  const target = words.at(-1) ?? '';
  for (const source of words.slice(0, -1)) {
    const to = join(stage.cwd, target, target.endsWith('/') ? basename(source) : '');
    await mkdir(dirname(to), { recursive: true });
    await cp(join(root, source), to, { recursive: true, verbatimSymlinks: true });
  }
}

async function run(
  instruction: Instruction,
  { cwd, env }: Stage,
  instead: CarryOutOptions['instead'],
): Promise<void> {
  const command = instruction.getArgumentsContent() ?? '';
  if (instead[command]) return instead[command](cwd);
  const path = `${dirname(process.execPath)}:${process.env.PATH}`;
  await promisify(execFile)('/bin/sh', ['-c', command], {
    cwd,
    // Use the packages that npm has already downloaded.
    env: { HOME: process.env.HOME, npm_config_prefer_offline: 'true', ...env, PATH: path },
  });
}

/** Returns the words of an instruction in exec form, or undefined for shell form. */
export function execForm(instruction: Instruction | undefined): string[] | undefined {
  const words = (instruction as JSONInstruction | undefined)?.getJSONStrings?.() ?? [];
  return words.length > 0 ? words.map((word) => JSON.parse(word.getValue()) as string) : undefined;
}
