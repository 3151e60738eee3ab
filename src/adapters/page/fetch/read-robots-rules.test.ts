import { expect, test } from 'vitest';
import { readRobotsRules } from './read-robots-rules.ts';

const read = (...lines: string[]) => readRobotsRules(lines.join('\n'), 'cta-batch');

test('groups of others go, with all that is in them; ours comes before the one for all', () => {
  const lines = [
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
    'User-agent: cta-batch',
    'Allow: /ours/too # but not all',
  ];
  expect(read(...lines)).toEqual([
    { allow: true, pattern: '/ours/too' },
    { allow: false, pattern: '/ours' },
  ]);
  expect(readRobotsRules(lines.join('\r\n'), 'four')).toEqual([{ allow: false, pattern: '/all' }]);
});

test('a group may have several agents, and one of ours that forbids nothing allows all', () => {
  const lines = ['User-agent: *', 'User-agent: one', 'no line', 'Disallow: /', 'User-agent: cta-batch'];
  expect(read(...lines, 'Disallow:')).toEqual([]);
  expect(read(...lines, 'Crawl-delay: 1')).toEqual([]);
  expect(read(...lines)).toEqual([{ allow: false, pattern: '/' }]);
});

test('a group without an agent of its own is not added to the one before', () => {
  expect(read('User-agent: *', 'Disallow: /a', 'User-agent:', 'Disallow: /b')).toEqual([
    { allow: false, pattern: '/a' },
  ]);
});

test('patterns are encoded as addresses are', () => {
  expect(read('User-agent: *', 'Disallow: /größe', 'Allow: /%c3%bc').map(({ pattern }) => pattern)).toEqual([
    '/gr%C3%B6%C3%9Fe',
    '/%C3%BC',
  ]);
});
