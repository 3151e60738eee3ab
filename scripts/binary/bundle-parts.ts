import { type BuildOptions, build, type Metafile } from 'esbuild';

/** A CommonJS bundle. */
export interface Bundle {
  readonly name: string;
  readonly code: string;
  /** The inputs of the bundle. */
  readonly metafile: Metafile;
}

/** The entry point of the executable, and the bundles that it runs. */
export interface Bundles {
  readonly main: Bundle;
  readonly programs: readonly Bundle[];
  readonly packages: readonly Bundle[];
}

/** The first one is the command line; the others have the names that `fork` is called with. */
const PROGRAMS = {
  'cli.cjs': 'src/main/cli.ts',
  'decode-image-process.cjs': 'src/adapters/images/decode-image-process.ts',
  'parse-page-process.cjs': 'src/adapters/page/parse-page-process.ts',
  'rank-by-clip-process.cjs': 'src/adapters/images/rank-by-clip-process.ts',
};
/** Large packages that are rarely needed. */
const PACKAGES = ['@scalar/fastify-api-reference'];
/** These are unpacked, or do not exist: drivers look for `pg-native`. */
const LEFT_OUT = ['sharp', '@huggingface/transformers', 'pg-native'];

const COMMON = {
  bundle: true,
  write: false,
  metafile: true,
  platform: 'node',
  target: `node${process.versions.node}`,
  format: 'cjs',
  // External packages are loaded with `require`: a script has no `import()`.
  supported: { 'dynamic-import': false },
  legalComments: 'none',
  logLevel: 'warning',
} satisfies BuildOptions;

/** Bundles the sources, each entry point with everything that it imports. */
export async function bundleParts(): Promise<Bundles> {
  const main = await toBundle('main.cjs', { entryPoints: ['src/main/binary/run-binary.ts'] });
  const programs = Object.entries(PROGRAMS).map(([name, file]) => bundlePart(name, file, PACKAGES));
  const packages = PACKAGES.map((name) => bundlePart(name, name, []));
  return { main, programs: await Promise.all(programs), packages: await Promise.all(packages) };
}

/**
 * Creates a bundle for `run-binary.ts`: a function with the parameters that Node.js gives a
 * CommonJS file.
 */
function bundlePart(name: string, file: string, left: readonly string[]): Promise<Bundle> {
  return toBundle(name, {
    entryPoints: [file],
    external: [...LEFT_OUT, ...left],
    define: { 'import.meta.url': 'importMetaUrl' },
    banner: {
      js: `(function (require, module, exports, __filename, __dirname) {\nconst importMetaUrl = require('node:url').pathToFileURL(__filename).href;`,
    },
    footer: { js: '})' },
  });
}

async function toBundle(name: string, options: BuildOptions): Promise<Bundle> {
  const { outputFiles, metafile } = await build({ ...COMMON, ...options, write: false, metafile: true });
  const [file] = outputFiles;
  if (file === undefined) throw new Error(`${name} has no output`);
  return { name, code: file.text, metafile };
}
