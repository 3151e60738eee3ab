import { createRequire, isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { getAsset, getRawAsset } from 'node:sea';
import { Script } from 'node:vm';
import { zstdDecompressSync } from 'node:zlib';
import { listCacheFolders } from './list-cache-folders.ts';
import { type PackedFile, UnpackError, unpackFiles } from './unpack-files.ts';

/*
 * Where the single executable begins. It holds the program as bundles, one for each thing that runs: the command line, and what the
 * processes of its pools do. So one of those does not load the whole program. What is native is unpacked when it is first needed.
 */

/** What the build says of the parts, as `parts.json`. */
export interface Parts {
  /** Bundles of the program that a process can run; the first one is the command line. */
  readonly programs: readonly string[];
  /** Packages that are a bundle of their own, loaded when they are needed. */
  readonly packages: readonly string[];
  readonly unpacked: {
    /** Of all of it. */
    readonly name: string;
    /** Packages that bundles require, and those that each stands on, itself included. */
    readonly packages: Readonly<Record<string, readonly string[]>>;
    readonly files: readonly PackedFile[];
  };
}

const parts = JSON.parse(getAsset('parts.json', 'utf8')) as Parts;
const loaded = new Map<string, unknown>();

run(findProgram());

/** A process that `fork` started is told a file to run, as Node.js is. It is one of those in here. */
function findProgram(): string {
  const [commandLine = ''] = parts.programs;
  const asked = process.send ? basename(process.argv[2] ?? '') : '';
  return parts.programs.includes(asked) ? asked : commandLine;
}

/** Runs a bundle, as Node.js runs a file of CommonJS, and answers what it exports. */
function run(name: string): unknown {
  // Its place if the executable were a folder: nothing can be found there.
  const filename = join(process.execPath, 'dist/main', name);
  const compiled = parts.programs.includes(name) && new Uint8Array(getRawAsset(`${name}.compiled`));
  const script = new Script(getAsset(name, 'utf8'), {
    filename,
    ...(compiled && { cachedData: compiled }),
  });
  const module = { exports: {} };
  script.runInThisContext()(load, module, module.exports, filename, dirname(filename));
  return module.exports;
}

/** What bundles require: a part of Node.js, a bundle, or a package that is unpacked. */
function load(id: string): unknown {
  if (isBuiltin(id)) return process.getBuiltinModule(id);
  if (!loaded.has(id)) loaded.set(id, loadPackage(id));
  return loaded.get(id);
}

function loadPackage(id: string): unknown {
  if (parts.packages.includes(id)) return run(id);
  const needed = parts.unpacked.packages[id];
  if (needed !== undefined) return requireNative(unpack(needed), id);
  throw Object.assign(new Error(`Cannot find module '${id}'`), { code: 'MODULE_NOT_FOUND' });
}

function requireNative(folder: string, id: string): unknown {
  try {
    return createRequire(join(folder, 'package.json'))(id);
  } catch (cause) {
    const { message } = cause as Error;
    // sharp puts it among advice about npm.
    const reason = /ERR_DLOPEN_FAILED: (.+)/.exec(message)?.[1] ?? message.split('\n', 1)[0];
    throw new UnpackError(
      `The native libraries cannot be loaded: ${reason}. ` +
        'If their file system is mounted with noexec, set CTA_BATCH_CACHE to a folder on another one.',
      { cause },
    );
  }
}

function unpack(needed: readonly string[]): string {
  const userId = process.getuid?.() ?? 0;
  return unpackFiles({
    ...parts.unpacked,
    folders: listCacheFolders({ env: process.env, temporaryFolder: tmpdir(), userId }),
    userId,
    isNeeded: ({ path }) => needed.some((name) => path.startsWith(`node_modules/${name}/`)),
    read: ({ path }) => zstdDecompressSync(new Uint8Array(getRawAsset(path))),
  });
}
