import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import type { Parts } from '../../src/main/binary/run-binary.ts';

/** Packages with native code or that depend on it. The bundles require these. */
const REQUIRED = ['sharp', '@huggingface/transformers'];

/**
 * These packages and the packages that they need to run on this platform. Of each, only the files
 * that are loaded: no GPU, no musl, no WebAssembly, no headers. Node.js also needs each
 * `package.json` to resolve them.
 */
const FILES: Readonly<Record<string, string>> = {
  '@huggingface/transformers': 'dist/transformers.node.cjs',
  '@img/colour': '*.cjs',
  '@img/sharp-libvips-linux-x64': 'lib/*.so.*',
  '@img/sharp-linux-x64': '{index.cjs,lib/*.node}',
  'detect-libc': 'lib/*.js',
  'onnxruntime-common': 'dist/cjs/**/*.{js,json}',
  'onnxruntime-node': '{dist/**/*.js,bin/napi-v6/linux/x64/{*.node,*.so.1}}',
  semver: '{*.js,classes/*.js,functions/*.js,internal/*.js,ranges/*.js}',
  sharp: 'dist/*.cjs',
};

/**
 * Their other dependencies: some are bundled into transformers' own file, others are used only
 * during installation.
 */
export const INSIDE_TRANSFORMERS = ['@huggingface/jinja', '@huggingface/tokenizers', 'onnxruntime-web'];
const FOR_INSTALLS = ['adm-zip', 'global-agent'];

/**
 * Collects the files that the executable unpacks, with their paths in the project.
 *
 * @throws Error when a package has a dependency that is in none of the lists above, as a newer
 * version of it may have.
 */
export function collectUnpacked(): Parts['unpacked'] {
  const known = new Set([...Object.keys(FILES), ...INSIDE_TRANSFORMERS, ...FOR_INSTALLS]);
  const paths = Object.entries(FILES).flatMap(([name, pattern]) => {
    const folder = `node_modules/${name}`;
    const unknown = Object.keys(readManifest(name).dependencies ?? {}).find((each) => !known.has(each));
    if (unknown !== undefined)
      throw new Error(`${name} needs ${unknown}: decide how the executable handles it`);
    const found = globSync(`${folder}/${pattern}`);
    if (found.length === 0) throw new Error(`no file matches ${folder}/${pattern}`);
    return [`${folder}/package.json`, ...found];
  });
  const files = paths.sort().map((path) => ({ path, sha256: hash(readFileSync(path)) }));
  const name = hash(files.map(({ path, sha256 }) => `${sha256}  ${path}\n`).join('')).slice(0, 32);
  return { name, packages: Object.fromEntries(REQUIRED.map((each) => [each, listNeeded(each)])), files };
}

/** Returns the package and all its dependencies that are unpacked. */
function listNeeded(name: string): string[] {
  const { dependencies = {}, optionalDependencies = {} } = readManifest(name);
  const next = Object.keys({ ...dependencies, ...optionalDependencies }).filter((each) => each in FILES);
  return [...new Set([name, ...next.flatMap(listNeeded)])];
}

function readManifest(name: string): { dependencies?: object; optionalDependencies?: object } {
  return JSON.parse(readFileSync(`node_modules/${name}/package.json`, 'utf8'));
}

function hash(content: Uint8Array | string): string {
  return createHash('sha256').update(content).digest('hex');
}
