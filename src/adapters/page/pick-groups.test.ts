import { expect, test } from 'vitest';
import { pickGroups } from './pick-groups.ts';

const pick = (...lines: string[]) => pickGroups(lines.join('\n'), ['cta-batch', '*']).split('\n');

test('groups of others go, with all that is in them', () => {
  expect(
    pick(
      'Disallow: /before-any',
      'User-agent: one',
      'User-agent: two',
      'Disallow: /one',
      'USER-AGENT : Cta-Batch/2.0 # us',
      'Disallow: /ours',
      '',
      '# a comment: of ours',
      'Crawl-delay: 5',
      'User-agent: three',
      'Disallow: /three',
      'User-agent: *',
      'Disallow: /all',
    ),
  ).toEqual([
    'USER-AGENT : Cta-Batch/2.0 # us',
    'Disallow: /ours',
    'Crawl-delay: 5',
    'User-agent: *',
    'Disallow: /all',
  ]);
});

test('of a group for several agents only those asked for are named, each once', () => {
  expect(
    pick('User-agent: one', 'User-agent: *', 'no line', 'User-agent: *', 'User-agent:cta-batch', 'Allow: /'),
  ).toEqual(['User-agent: *', 'User-agent:cta-batch', 'Allow: /']);
});

test('a group without an agent of its own is not added to the one before', () => {
  expect(pick('User-agent: *', 'Disallow: /a', 'User-agent:', 'Disallow: /b')).toEqual([
    'User-agent: *',
    'Disallow: /a',
  ]);
});
