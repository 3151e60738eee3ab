import fc from 'fast-check';
import robots from 'robots-parser';
import { expect, test } from 'vitest';
import { measureCpuMs } from '../../../../test/support/measure-cpu-ms.ts';
import { matchRobotsPath } from './match-robots-path.ts';
import { readRobotsRules } from './read-robots-rules.ts';

test.each([
  ['/', '/any', true],
  ['/fish', '/fish.html', true],
  ['/fish', '/Fish', false],
  ['/fish*', '/fishheads', true],
  ['/*.php', '/folder/any.php?x=1', true],
  ['/*.php$', '/folder/any.php?x=1', false],
  ['/*.php$', '/a.php/b.php', true],
  ['/fish*.php', '/fishheads/catfish.php?x', true],
  ['/a*a$', '/a', false],
  ['/$', '/', true],
  ['/a$b', '/a$b', true],
  ['*', '/any', true],
  ['$', '/any', false],
  ['/*abcabcabcabcabcabcabd$', '/abcabcabcabcabcabcabcabd', true],
])('%s and %s: %s', (pattern, path, matches) => {
  expect(matchRobotsPath(pattern, path)).toBe(matches);
});

/** The types of the package have a default export, but CommonJS returns the function itself. */
const robotsParser = robots as unknown as typeof robots.default;

test('returns the same as robots-parser for any file', () => {
  const piece = fc.constantFrom('/', 'a', 'b', 'ab', '*', '$', '%c3', '?q=', 'aaaaaaaaaaaaaaaab', 'ü');
  const path = fc.array(piece, { maxLength: 8 }).map((pieces) => `/${pieces.join('')}`);
  const line = fc.oneof(
    fc.tuple(fc.constantFrom('Allow: ', 'disallow:'), path).map(([key, value]) => `${key}${value}`),
    fc.constantFrom('User-agent: *', 'User-agent: cta-batch', 'User-agent: x', 'Crawl-delay: 1', 'Disallow:'),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 12 }), path, (lines, asked) => {
      const text = ['User-agent: *', ...lines].join('\n');
      const url = new URL(`https://shop.example${asked}`);
      const rule = readRobotsRules(text, 'cta-batch').find(({ pattern }) =>
        matchRobotsPath(
          pattern,
          (url.pathname + url.search).replace(/%../g, (hex) => hex.toUpperCase()),
        ),
      );
      const known = robotsParser('https://shop.example/robots.txt', text);
      expect(rule?.allow ?? true).toBe(known.isAllowed(url.href, 'cta-batch'));
    }),
    { numRuns: 3000 },
  );
});

test('matches half a megabyte of nearly matching rules in negligible time', () => {
  const files = [
    '*a'.repeat(100).concat('b\n'),
    '*a*a*a*a*a*b\n',
    `*${'a'.repeat(200)}b\n`,
    `*${'a'.repeat(950)}b\n`,
    `*${'ab'.repeat(100)}*${'a'.repeat(30)}b$\n`,
    '*a*b\n',
  ].map((rule) => `User-agent: *\n${`Disallow: /${rule}`.repeat(Math.floor(512_000 / (rule.length + 11)))}`);
  const path = `/${'a'.repeat(1900)}`;
  for (const file of files) {
    const worked = measureCpuMs(() => {
      const rules = readRobotsRules(file, 'cta-batch');
      for (const { pattern } of rules) matchRobotsPath(pattern, path);
    });
    // Files such as these once took up to 3 s.
    expect(worked, file.slice(14, 60)).toBeLessThan(500);
  }
});
