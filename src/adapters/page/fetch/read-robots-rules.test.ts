import { expect, test } from 'vitest';
import { readRobotsRules } from './read-robots-rules.ts';

const read = (...lines: string[]) => readRobotsRules(lines.join('\n'), 'cta-batch');

test('drops the groups of other agents, and prefers our group to the one for all', () => {
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

test('reads groups with several agents, and allows all if our group forbids nothing', () => {
  const lines = ['User-agent: *', 'User-agent: one', 'no line', 'Disallow: /', 'User-agent: cta-batch'];
  expect(read(...lines, 'Disallow:')).toEqual([]);
  expect(read(...lines, 'Crawl-delay: 1')).toEqual([]);
  expect(read(...lines)).toEqual([{ allow: false, pattern: '/' }]);
});

test('does not add a group without an agent to the previous one', () => {
  expect(read('User-agent: *', 'Disallow: /a', 'User-agent:', 'Disallow: /b')).toEqual([
    { allow: false, pattern: '/a' },
  ]);
});

test('encodes patterns like addresses', () => {
  expect(read('User-agent: *', 'Disallow: /größe', 'Allow: /%c3%bc').map(({ pattern }) => pattern)).toEqual([
    '/gr%C3%B6%C3%9Fe',
    '/%C3%BC',
  ]);
});
