/*
 * Builds `build/cta-batch`: the program and Node.js as one file, for Linux on x64. Must run in the
 * project's folder, with the Node.js that goes into the file.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  globSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { Script } from 'node:vm';
import { constants, zstdCompressSync } from 'node:zlib';
import type { BuildFile } from '../src/lib/build-info.ts';
import type { Parts } from '../src/main/binary/run-binary.ts';
import { type Bundle, bundleParts } from './binary/bundle-parts.ts';
import { collectLicenses } from './binary/collect-licenses.ts';
import { collectUnpacked, INSIDE_TRANSFORMERS } from './binary/collect-unpacked.ts';

const OUTPUT = 'build/cta-batch';
const FOLDER = 'build/parts';
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';
/** A higher level takes ten times as long to save one percent. */
const ZSTD_LEVEL = 9;

if (process.platform !== 'linux' || process.arch !== 'x64') {
  throw new Error(
    `The executable can be built on Linux x64 only, not on ${process.platform} ${process.arch}.`,
  );
}
rmSync(FOLDER, { recursive: true, force: true });
mkdirSync(FOLDER, { recursive: true });
const assets: Record<string, string> = {};

const { main, programs, packages } = await bundleParts();
const bundles = [...programs, ...packages];
for (const { name, code } of bundles) addAsset(name, code);
// Compiled in advance, because these bundles run at every start.
for (const { name, code } of programs) addAsset(`${name}.compiled`, new Script(code).createCachedData());

const unpacked = collectUnpacked();
for (const { path } of unpacked.files) {
  const params = { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL };
  addAsset(path, zstdCompressSync(readFileSync(path), { params }));
}

for (const path of ['package.json', 'migrations/meta/_journal.json', ...globSync('migrations/*.sql')]) {
  assets[path] = path;
}
addAsset(
  'licenses.txt',
  collectLicenses([
    ...[main, ...bundles].flatMap(({ metafile }) => Object.keys(metafile.inputs)),
    ...unpacked.files.map(({ path }) => path),
    ...INSIDE_TRANSFORMERS.map((name) => `node_modules/${name}`),
  ]),
);
addAsset('build.json', JSON.stringify(readBuildFile()));
const names = (list: readonly Bundle[]) => list.map(({ name }) => name);
const parts: Parts = { programs: names(programs), packages: names(packages), unpacked };
addAsset('parts.json', JSON.stringify(parts));

writeFileSync(`${FOLDER}/main.cjs`, main.code);
writeFileSync(
  `${FOLDER}/sea.json`,
  JSON.stringify({
    main: `${FOLDER}/main.cjs`,
    output: `${FOLDER}/sea.blob`,
    disableExperimentalSEAWarning: true,
    // Flags for Node.js are passed in an argument: NODE_OPTIONS does not allow all flags that the
    // program's own processes need.
    execArgvExtension: 'cli',
    assets,
  }),
);
execFileSync(process.execPath, ['--experimental-sea-config', `${FOLDER}/sea.json`], { stdio: 'pipe' });
copyFileSync(process.execPath, `${FOLDER}/cta-batch`);
const args = [
  'node_modules/postject/dist/cli.js',
  `${FOLDER}/cta-batch`,
  'NODE_SEA_BLOB',
  `${FOLDER}/sea.blob`,
];
execFileSync(process.execPath, [...args, '--sentinel-fuse', FUSE], { stdio: 'pipe' });
chmodSync(`${FOLDER}/cta-batch`, 0o755);
// A rename: a program that runs from the old file keeps using it.
renameSync(`${FOLDER}/cta-batch`, OUTPUT);

const size = (path: string) => `${(statSync(path).size / 1_000_000).toFixed(1)} MB`;
process.stdout.write(
  `${OUTPUT}: ${size(OUTPUT)} (Node.js ${size(process.execPath)}, the rest ${size(`${FOLDER}/sea.blob`)})\n`,
);

function addAsset(name: string, content: string | Uint8Array): void {
  const file = `${FOLDER}/${Object.keys(assets).length}`;
  writeFileSync(file, content);
  assets[name] = file;
}

/**
 * Takes the date of the commit instead of the clock, so that builds of the same sources are equal.
 */
function readBuildFile(): BuildFile {
  const git = (...args: string[]) => {
    const { status, stdout } = spawnSync('git', args, { encoding: 'utf8' });
    return status === 0 ? stdout.trim() : null;
  };
  const commit = git('describe', '--always', '--dirty', '--abbrev=7', '--exclude=*');
  const seconds = process.env.SOURCE_DATE_EPOCH ?? git('log', '-1', '--format=%ct');
  return { commit, date: seconds === null ? null : new Date(Number(seconds) * 1000).toISOString() };
}
