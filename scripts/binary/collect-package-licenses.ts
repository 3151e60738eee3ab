import { globSync, readFileSync } from 'node:fs';

/**
 * Licenses that may be bundled, as SPDX identifiers. libvips, under the LGPL, is allowed too,
 * because it is a separate library that can be replaced.
 */
const ALLOWED = new Set([
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'ISC',
  'MIT',
  'MIT-0',
  'Unlicense',
]);
const LIBVIPS = /^@img\/sharp-libvips-/;
const LIBVIPS_NOTICE = `libvips and the libraries in it are linked dynamically. The executable unpacks them as a file of their own, whose place
docs/operations/deploy.md names; their sources are at https://github.com/lovell/sharp-libvips and the addresses below.`;
/** Names of the files with license texts in packages. */
const TEXTS = '{LICEN[CS]E,licen[cs]e,License,COPYING,NOTICE,ThirdPartyNotices}*';
const RULE = '='.repeat(80);

/** The fields of a package.json that are read. */
interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
  readonly homepage?: string;
  readonly repository?: string | { readonly url: string };
}

/** A text with the title it gets in a list. */
export interface LicenseSection {
  readonly title: string;
  readonly text: string;
}

/**
 * Returns the licenses of the packages that contain these files, with their texts, sorted by title.
 *
 * @throws Error that lists every package whose license is missing or not allowed.
 */
export function collectPackageLicenses(files: Iterable<string>): LicenseSection[] {
  const folders = new Set<string>();
  for (const file of files) {
    const folder = findPackageFolder(file);
    if (folder !== undefined) folders.add(folder);
  }
  const packages = [...folders].map(readPackage).sort((a, b) => (a.title < b.title ? -1 : 1));
  const refused = packages.filter(({ isAllowed }) => !isAllowed).map(({ title }) => title);
  if (refused.length > 0)
    throw new Error(`These packages have licenses that are not allowed: ${refused.join(', ')}.`);
  return packages;
}

/** Returns the sections as one text. */
export function renderLicenses(sections: readonly LicenseSection[]): string {
  return sections.map(({ title, text }) => `${RULE}\n${title}\n${RULE}\n\n${text.trim()}\n`).join('\n');
}

/**
 * Returns the folder of the innermost package that contains the file; undefined outside
 * `node_modules`.
 */
function findPackageFolder(file: string): string | undefined {
  return /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0];
}

function readPackage(folder: string): { title: string; text: string; isAllowed: boolean } {
  const manifest = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')) as Manifest;
  const { name, version, license = 'no license' } = manifest;
  const isLibvips = LIBVIPS.test(name);
  const texts = globSync(`${folder}/${TEXTS}`).sort().map(readText);
  if (isLibvips) texts.push(LIBVIPS_NOTICE, readText(`${folder}/README.md`));
  if (texts.length === 0) texts.push(`The package contains no license text. See ${findAddress(manifest)}`);
  return {
    title: `${name} ${version} (${license})`,
    text: texts.join('\n\n'),
    isAllowed: isLibvips ? license === 'LGPL-3.0-or-later' : isAllowed(license),
  };
}

/** If a package offers a choice of licenses, one allowed license is enough. */
function isAllowed(license: string): boolean {
  const choices = license.replace(/^\((.*)\)$/, '$1').split(' OR ');
  return choices.some((choice) => choice.split(' AND ').every((one) => ALLOWED.has(one)));
}

function readText(file: string): string {
  return readFileSync(file, 'utf8').replaceAll('\r\n', '\n').trim();
}

function findAddress({ homepage, repository }: Manifest): string {
  const url = typeof repository === 'string' ? repository : repository?.url;
  return url ?? homepage ?? 'the registry that it comes from';
}
