import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

/** Names and words that were replaced by those of the field (docs/glossary.md). */
const OLD_WORDS = [
  'announce[A-Z]\\w*',
  'both doors',
  'buryDead',
  'buryWorker',
  'findWorstWindow',
  'handBackDeliveries',
  'HappenedEvent',
  'hasten',
  'holdWaiting',
  'keepHouse',
  'keepSpares',
  'lookOrm',
  'makeDoors',
  'noteChange',
  'noteStandings',
  'noteTrouble',
  'openFoundation',
  'pacer',
  'recoverWork',
  'runOnce',
  'SeenImage',
  'settleStrays',
  'shareLook',
  'startPump',
  'takeStock',
  'throughOutages',
  'weighMarkup',
  'withdrawJobs',
];
const MAX_COLUMNS = 100;

const files = execFileSync('git', ['ls-files'], { encoding: 'utf8' })
  .split('\n')
  .filter(
    (file) =>
      /\.(ts|md|sql|ya?ml|service|example)$|Dockerfile$|^\.ci\/run$/.test(file) &&
      !/fixtures\/|docs\/decisions\/|^CHANGELOG/.test(file),
  );

function findLines(pattern: RegExp, isWanted: (line: string) => boolean): string[] {
  return files
    .filter((file) => pattern.test(file))
    .flatMap((file) =>
      readFileSync(file, 'utf8')
        .split('\n')
        .flatMap((line, i) => (isWanted(line) ? [`${file}:${i + 1}`] : [])),
    );
}

test('comments have at most 100 columns', () => {
  const isWide = (line: string) => line.length > MAX_COLUMNS && /^\s*(?:\*|\/\/|\/\*|# \S|-- )/.test(line);
  expect(findLines(/(?<!\.md)$/, isWide)).toEqual([]);
});

test('replaced words are not used', () => {
  const old = new RegExp(`\\b(?:${OLD_WORDS.join('|')})\\b`);
  const lines = findLines(/^(?!test\/package\/words\.test\.ts|docs\/glossary\.md)/, (line) => old.test(line));
  expect(lines).toEqual([]);
});
