import { findPackageFile } from '../lib/single-executable.ts';
import { SettingsError } from './config.ts';

/**
 * Returns the licenses of Node.js and of every package in the single executable. Throws elsewhere,
 * where each package has its license beside its code.
 */
export function readLicenses(): string {
  const text = findPackageFile('licenses.txt');
  if (text !== undefined) return text;
  throw new SettingsError(
    'Only the single executable contains other packages. Here the license of each package is in node_modules.',
  );
}
