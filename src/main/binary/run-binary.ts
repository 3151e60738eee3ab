import { createRequire, isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { getAsset, getRawAsset } from 'node:sea';
import { Script } from 'node:vm';
import { zstdDecompressSync } from 'node:zlib';
import { listCacheFolders } from './list-cache-folders.ts';
import { type PackedFile, UnpackError, unpackFiles } from './unpack-files.ts';

/*
 * The entry point of the single executable. It contains one bundle per program: the command line
 * and the code of each kind of pool process, so that a pool process does not load the whole
 * program. Native files are unpacked when they are first needed.
 */

/** The contents of `parts.json`, which the build writes. */
export interface Parts {
  /** Bundles that a process can run; the first one is the command line. */
  readonly programs: readonly string[];
  /** Packages with a bundle of their own, which is loaded when the package is required. */
  readonly packages: readonly string[];
  readonly unpacked: {
    /** The name of the folder for all unpacked files. */
    readonly name: string;
    /** For each unpacked package that bundles require: the packages it needs, including itself. */
    readonly packages: Readonly<Record<string, readonly string[]>>;
    readonly files: readonly PackedFile[];
  };
}

const parts = JSON.parse(getAsset('parts.json', 'utf8')) as Parts;
const loaded = new Map<string, unknown>();

run(findProgram());

/**
 * `fork` passes the file to run as an argument, as it does to Node.js. Returns the bundle of that
 * name.
 */
function findProgram(): string {
  const [commandLine = ''] = parts.programs;
  const asked = process.send ? basename(process.argv[2] ?? '') : '';
  return parts.programs.includes(asked) ? asked : commandLine;
}

/** Runs a bundle like Node.js runs a CommonJS file, and returns its exports. */
function run(name: string): unknown {
  // The path that the bundle would have if the executable were a folder. No file exists there.
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

/** The `require` of bundles: loads a module of Node.js, a bundle, or an unpacked package. */
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
    // sharp puts the reason between advice about npm.
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
