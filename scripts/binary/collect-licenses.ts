import { existsSync, readFileSync } from 'node:fs';
import { collectPackageLicenses, type LicenseSection, renderLicenses } from './collect-package-licenses.ts';

/**
 * Returns the licenses of Node.js and of the packages that contain these files, with their texts,
 * as one text.
 *
 * @throws Error that names every package whose license is missing or not allowed.
 */
export function collectLicenses(files: Iterable<string>): string {
  const packages = collectPackageLicenses(files);
  const ours = { title: 'cta-batch', text: readFileSync('LICENSE', 'utf8') };
  return renderLicenses([ours, readNode(), ...packages]);
}

function readNode(): LicenseSection {
  const { version } = process;
  const file = `scripts/binary/licenses/node-${version.slice(1)}.txt`;
  if (!existsSync(file))
    throw new Error(
      `${file} is missing: take it from Node.js ${version} less its part about npm, which is no part of the executable, and remove the old one.`,
    );
  return { title: `Node.js ${version}`, text: readFileSync(file, 'utf8') };
}
