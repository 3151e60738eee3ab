/*
 * Builds the package `cta-batch-client` from `src/client` into `packages/client/dist`, or into the
 * folder that is its argument. Must run in the project's folder.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { collectPackageLicenses, renderLicenses } from './binary/collect-package-licenses.ts';
import { findDeclarations } from './client/find-declarations.ts';

const { 2: dist = 'packages/client/dist' } = process.argv;

const { dependencies } = JSON.parse(readFileSync('packages/client/package.json', 'utf8')) as {
  dependencies: Record<string, string>;
};
const packages = Object.keys(dependencies);
rmSync(dist, { recursive: true, force: true });

const emitted = mkdtempSync(join(tmpdir(), 'cta-declarations-'));
const tsc = ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'];
execFileSync(process.execPath, [...tsc, '--emitDeclarationOnly', '--outDir', emitted], { stdio: 'inherit' });
const declarations = findDeclarations(emitted, { entry: 'client/index.d.ts', packages });

const inputs = new Set<string>();
for (const format of ['esm', 'cjs'] as const) {
  for (const path of declarations) cpSync(join(emitted, path), `${dist}/${format}/${path}`);
  const { metafile } = await build({
    entryPoints: ['src/client/index.ts'],
    outfile: `${dist}/${format}/client/index.js`,
    bundle: true,
    format,
    // With `node`, esbuild lists the CommonJS exports in a way that `import` can read.
    platform: format === 'cjs' ? 'node' : 'neutral',
    target: 'es2022',
    // superjson and eventsource are bundled: they are ES modules only, and eventsource requires
    // Node.js 22.12 or newer.
    external: packages,
    legalComments: 'none',
    metafile: true,
    logLevel: 'warning',
  });
  for (const input of Object.keys(metafile.inputs)) inputs.add(input);
}
rmSync(emitted, { recursive: true });
writeFileSync(`${dist}/cjs/package.json`, '{ "type": "commonjs" }\n');
writeFileSync(`${dist}/THIRD-PARTY-LICENSES.txt`, renderLicenses(collectPackageLicenses(inputs)));
