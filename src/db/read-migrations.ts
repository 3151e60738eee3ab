import { createHash } from 'node:crypto';
import type { MigrationMeta } from 'drizzle-orm/migrator';
import { readPackageFile } from '../lib/single-executable.ts';

interface Journal {
  readonly entries: readonly { readonly tag: string; readonly when: number; readonly breakpoints: boolean }[];
}

/**
 * Returns our migrations, oldest first, in the form in which drizzle's `readMigrationFiles` reads
 * them from a folder.
 */
export function readMigrations(): MigrationMeta[] {
  const { entries } = JSON.parse(readPackageFile('migrations/meta/_journal.json')) as Journal;
  return entries.map(({ tag, when, breakpoints }) => {
    const text = readPackageFile(`migrations/${tag}.sql`);
    return {
      sql: text.split('--> statement-breakpoint'),
      bps: breakpoints,
      folderMillis: when,
      hash: createHash('sha256').update(text).digest('hex'),
    };
  });
}
