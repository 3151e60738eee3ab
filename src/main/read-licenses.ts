import { findPackageFile } from '../lib/single-executable.ts';
import { SettingsError } from './config.ts';

/** The licences of Node.js and of every package in the single executable. Elsewhere the packages have them beside their code. */
export function readLicenses(): string {
  const text = findPackageFile('licenses.txt');
  if (text !== undefined) return text;
  throw new SettingsError(
    'Only the single executable contains other packages. Here each has its licence in node_modules.',
  );
}
