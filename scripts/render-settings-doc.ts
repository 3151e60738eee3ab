import type { z } from 'zod';
import { SETTINGS } from '../src/main/config.ts';

const HEAD = `# Settings

All settings are environment variables. The program checks them once, when it starts. An empty value
counts as not set. A wrong value stops the program with a sentence that names the setting. Durations
are written as \`500ms\`, \`20s\` or \`3m\`; a number without a unit is in seconds.

This page is generated from the schema that checks the settings (\`npm run docs:settings\`).
`;

/**
 * Returns the contents of `docs/settings.md`: a table for each group of settings, generated from
 * the schema that validates them.
 */
export function renderSettingsDoc(): string {
  const parts = Object.entries(SETTINGS).map(([group, settings]) => {
    const rows = Object.entries<z.ZodType>(settings).map(([name, schema]) => [
      `\`${name}\``,
      tellDefault(schema),
      schema.description ?? '',
    ]);
    return `## ${group}\n\n${drawTable([['name', 'default', ''], ...rows])}`;
  });
  return `${HEAD}\n${parts.join('\n')}`;
}

function tellDefault(schema: z.ZodType): string {
  const { unset } = (schema.meta() ?? {}) as { unset?: string };
  if (unset !== undefined) return unset;
  const { def } = schema as z.ZodPrefault;
  return `\`${def.defaultValue}\``;
}

function drawTable(rows: readonly (readonly string[])[]): string {
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const draw = (cells: readonly string[], fill = ' ') =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0, fill)).join(' | ')} |\n`;
  const [head = [], ...body] = rows;
  return draw(head) + draw(['', '', ''], '-') + body.map((row) => draw(row)).join('');
}
