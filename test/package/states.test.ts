import { existsSync, globSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { BATCH_STATUSES, SOURCE_STATUSES } from '../../src/batches/batch.ts';
import { CALL_STATUSES, DELIVERY_STATUSES } from '../../src/db/schema/values.ts';
import { PREVIEW_STATUSES } from '../../src/previews/preview.ts';

/*
 * docs/states.md draws every status change and lists it in a table. Both are compared with the
 * code.
 */

const root = new URL('../../', import.meta.url);
const page = readFileSync(new URL('docs/states.md', root), 'utf8');

/** A thing with a status: its section, its table in drizzle and in SQL, and what a file writes. */
interface Subject {
  readonly section: string;
  readonly table: string;
  readonly sqlTable: string;
  readonly statuses: readonly string[];
  /** What an update must set, as drizzle and SQL spell it. */
  readonly columns: readonly string[];
  /** Files that decide which status another file writes. */
  readonly deciders?: Readonly<Record<string, string>>;
}

const BATCH: Subject = {
  section: 'Batch',
  table: 'batches',
  sqlTable: 'batches',
  statuses: BATCH_STATUSES,
  columns: [
    'startedAt',
    'started_at',
    'finishedAt',
    'finished_at',
    'cancelRequestedAt',
    'cancel_requested_at',
  ],
};

const SUBJECTS: readonly Subject[] = [
  {
    section: 'Preview',
    table: 'previews',
    sqlTable: 'previews',
    statuses: PREVIEW_STATUSES,
    columns: ['status'],
  },
  {
    section: 'Source',
    table: 'sources',
    sqlTable: 'sources',
    statuses: SOURCE_STATUSES,
    columns: ['status'],
  },
  BATCH,
  {
    section: 'AI call',
    table: 'aiCalls',
    sqlTable: 'ai_calls',
    statuses: CALL_STATUSES,
    columns: ['status'],
  },
  {
    section: 'Webhook delivery',
    table: 'webhookDeliveries',
    sqlTable: 'webhook_deliveries',
    statuses: DELIVERY_STATUSES,
    columns: ['status'],
    deciders: { 'webhooks/record-response': 'webhooks/webhook' },
  },
];

const NONE = '–';

/** The files that a text names. */
const readFiles = (text: string): string[] =>
  [...text.matchAll(/`((?:[a-z-]+\/)+[a-z-]+)`/g)].map(([, file = '']) => file);

/** One status change, as `from > to : file`. */
type Transition = string;

function sectionOf(name: string): string {
  const section = page.split(/^## /m).find((text) => text.startsWith(`${name}\n`));
  return section ?? expect.unreachable(`no section ${name}`);
}

function readDiagram(section: string): Transition[] {
  const lines =
    section
      .match(/```mermaid\nstateDiagram-v2\n([\s\S]*?)```/)?.[1]
      ?.trimEnd()
      .split('\n') ?? [];
  return lines.flatMap((line) => {
    const [, from, to, files = ''] = /^ {2}(\S+) --> (\S+) : (.+)$/.exec(line) ?? expect.unreachable(line);
    return files.split(', ').map((file) => `${from === '[*]' ? NONE : from} > ${to} : ${file}`);
  });
}

function readTable(section: string): Transition[] {
  const rows = section.split('\n').filter((line) => line.startsWith('|'));
  const header = rows.findIndex((row) => /^\| from +\| to +\| when +\| written by +\|$/.test(row));
  const own = rows.slice(header + 2);
  const end = own.findIndex((row) => /^\| time /.test(row));
  return own.slice(0, end < 0 ? own.length : end).flatMap((row) => {
    const [, from = '', to = '', , file = ''] = row.split('|').map((cell) => cell.trim());
    const name = (cell: string) => /^`([^`]+)`$/.exec(cell)?.[1] ?? expect.unreachable(cell);
    const froms = from === NONE ? [NONE] : from.split(', ').map(name);
    return froms.map((one) => `${one} > ${name(to)} : ${name(file)}`);
  });
}

/** The code of a file, without comments. */
function readCode(file: string): string {
  const text = readFileSync(new URL(`src/${file}.ts`, root), 'utf8');
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/^\s*(?:\/\/|--).*$/gm, '');
}

/**
 * The assignments of every update of a table in a file: the object of `set`, or the SQL up to its
 * `where`.
 */
function findUpdates(code: string, { table, sqlTable }: Subject): string[] {
  const built = [...code.matchAll(new RegExp(`\\.update\\(${table}\\)\\s*\\.set\\(`, 'g'))];
  const written = code.matchAll(
    new RegExp(`\\bupdate cta\\.${sqlTable}\\b([\\s\\S]*?)\\b(?:where|from)\\b`, 'g'),
  );
  return [
    ...built.map(({ index, 0: { length } }) => readBraces(code, index + length)),
    ...[...written].map(([, assigned = '']) => assigned),
  ];
}

/** The text from a brace to the one that closes it. */
function readBraces(code: string, start: number): string {
  let depth = 0;
  for (let at = start; at < code.length; at += 1) {
    if (code[at] === '{') depth += 1;
    if (code[at] === '}') depth -= 1;
    if (depth === 0) return code.slice(start, at + 1);
  }
  return expect.unreachable('a brace is not closed');
}

const isWritten = (assigned: string, columns: readonly string[]): boolean =>
  new RegExp(`(?:^|[\\s,({])(?:${columns.join('|')})(?:\\s*=|:|,)`).test(assigned);

const writesBy = (code: string, subject: Subject): boolean =>
  findUpdates(code, subject).some((assigned) => isWritten(assigned, subject.columns));

const insertsInto = (code: string, { table, sqlTable }: Subject): boolean =>
  new RegExp(`\\binsert into cta\\.${sqlTable}\\b|\\.insert\\(${table}\\)`).test(code);

/** The status of a new row whose insert does not name one. */
function findDefault({ table, statuses }: Subject): string | undefined {
  const file = globSync('src/db/schema/*.ts', { cwd: root.pathname }).find((one) =>
    readFileSync(new URL(one, root), 'utf8').includes(`export const ${table} = cta.table(`),
  );
  const text = file === undefined ? '' : readFileSync(new URL(file, root), 'utf8');
  const own = text.slice(text.indexOf(`export const ${table} = cta.table(`));
  const found = /status: text\('status', \{ enum: \w+ \}\)\.notNull\(\)\.default\('(\w+)'\)/.exec(own)?.[1];
  return found !== undefined && statuses.includes(found) ? found : undefined;
}

const files = globSync('src/**/*.ts', { cwd: root.pathname })
  .filter((file) => !file.endsWith('.test.ts'))
  .map((file) => file.replace(/^src\/|\.ts$/g, ''));

describe.each(SUBJECTS)('$section', (subject) => {
  const section = sectionOf(subject.section);
  const drawn = readDiagram(section);
  const listed = readTable(section);
  const transitions = [...new Set(listed)].map((one) => {
    const [, from = '', to = '', file = ''] = /^(\S+) > (\S+) : (\S+)$/.exec(one) ?? [];
    return { from, to, file };
  });

  test('the diagram and the table have the same status changes', () => {
    expect(drawn.length).toBeGreaterThan(5);
    expect(new Set(drawn).size).toBe(drawn.length);
    expect(drawn.toSorted()).toEqual([...new Set(listed)].toSorted());
  });

  test('every status is reachable, and no other is named', () => {
    expect([...new Set(transitions.map(({ to }) => to))].toSorted()).toEqual(subject.statuses.toSorted());
    const froms = transitions.map(({ from }) => from).filter((from) => from !== NONE);
    expect(froms.filter((from) => !subject.statuses.includes(from))).toEqual([]);
  });

  test.each(transitions)('$file writes $to (from $from)', ({ from, to, file }) => {
    expect(existsSync(new URL(`src/${file}.ts`, root))).toBe(true);
    const code = readCode(file);
    if (from === NONE) {
      expect(insertsInto(code, subject)).toBe(true);
      // A batch has no status of its own.
      if (subject !== BATCH) expect(findDefault(subject)).toBe(to);
      return;
    }
    expect(writesBy(code, subject)).toBe(true);
    if (subject === BATCH) return;
    const decider = subject.deciders?.[file];
    expect(decider === undefined ? code : readCode(decider)).toContain(`'${to}'`);
  });

  test('no other file writes a status', () => {
    const named = readFiles(section);
    const writers = files.filter((file) => {
      const code = readCode(file);
      return writesBy(code, subject) || insertsInto(code, subject);
    });
    expect(writers.length).toBeGreaterThan(3);
    expect(writers.filter((file) => !named.includes(file))).toEqual([]);
  });
});

test('only the files in the table write the times of a batch', () => {
  const rows = [...sectionOf('Batch').matchAll(/^\| `(\w+_at)` .*$/gm)];
  expect(rows.map(([, column]) => column)).toEqual(['started_at', 'finished_at', 'cancel_requested_at']);
  for (const [row, column = ''] of rows) {
    const camel = column.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
    const subject = { ...BATCH, columns: [column, camel] };
    const writers = files.filter((file) => writesBy(readCode(file), subject));
    expect(writers.toSorted(), column).toEqual(readFiles(row).toSorted());
  }
});
