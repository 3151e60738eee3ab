import { load } from 'cheerio';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hostileTexts, makeHostile, makePrefill } from '../../test/support/hostile-prefill.ts';
import type { Prefill } from './prefill.ts';
import { renderCtaPage } from './render-cta-page.ts';

/** Reads the page like a browser, with the parser that also reads shops' pages. */
function readPage(given: Partial<Prefill> = {}) {
  const page = renderCtaPage(makePrefill(given), '../assets/');
  const $ = load(page.html);
  const elements = $('*').toArray();
  return {
    ...page,
    $,
    names: elements.map((element) => $(element).prop('tagName')?.toLowerCase()),
    attributes: elements.flatMap((element) => Object.keys($(element).attr() ?? {})),
    style: $('style').text(),
    text: (name: string) => $(`.cta-${name}`).text(),
  };
}
const plain = readPage();

/** Checks that the page has the same structure and style as a page of harmless texts. */
function expectHarmless(page: ReturnType<typeof readPage>) {
  expect(page.names).toEqual(plain.names);
  expect(page.attributes).toEqual(plain.attributes);
  expect(page.style).toBe(plain.style);
  expect(page.styleSource).toBe(plain.styleSource);
}

describe('texts', () => {
  test.each(Object.entries(hostileTexts))('renders %s as text', (_, text) => {
    const page = readPage(makeHostile(text));
    expectHarmless(page);
    for (const name of ['headline', 'subheadline', 'body', 'button', 'price']) {
      expect(page.text(name)).toBe(text);
    }
    expect(page.$('title').text()).toBe(text);
    expect(page.$('.cta-product').attr('alt')).toBe(text);
  });

  test('renders any text as text', () => {
    const texts = fc.array(fc.constantFrom(...'<>"\'&;/!-= aё}{', '&lt', '</style>'), { maxLength: 30 });
    fc.assert(
      fc.property(texts, (parts) => {
        const text = `a${parts.join('')}z`;
        const page = readPage({ ...makeHostile(text), locale: text, ctaUrl: `https://shop.example/${text}` });
        expectHarmless(page);
        expect(page.text('body')).toBe(text);
      }),
      { numRuns: 100 },
    );
  });

  test('omits empty texts', () => {
    for (const empty of [null, '', ' \n ']) {
      const page = readPage({ subheadline: empty, body: empty, priceText: empty });
      expect(page.$('p')).toHaveLength(0);
      expect(
        page
          .$('.cta-panel')
          .children()
          .toArray()
          .map(({ name }) => name),
      ).toEqual(['img', 'h1', 'a']);
    }
  });
});

describe('the link', () => {
  test('opens outside of the frame', () => {
    const { href, target, rel } = plain.$('a').attr() ?? {};
    expect([href, target, rel]).toEqual([
      'https://shop.example/red-shoe?a=1&b=2',
      '_top',
      'noopener nofollow',
    ]);
  });

  test.each([
    'javascript:alert(1)',
    ' javascript:alert(1)',
    'java\nscript:alert(1)',
    'JAVASCRIPT://shop.example/%0aalert(1)',
    'data:text/html,<script>alert(1)</script>',
    'vbscript:x',
    'file:///etc/passwd',
    '//evil.example/',
    '/relative',
    '#',
    '',
  ])('omits %j', (ctaUrl) => {
    const page = readPage({ ctaUrl });
    expect(page.$('a')).toHaveLength(0);
    expect(page.html).not.toContain('href');
    expect(page.text('button')).toBe('Buy now');
  });

  test('does not let an address end its attribute', () => {
    const page = readPage({ ctaUrl: 'https://shop.example/"onclick="alert(1)?<b>' });
    expectHarmless(page);
    expect(page.$('a').attr('href')).toBe('https://shop.example/%22onclick=%22alert(1)?%3Cb%3E');
  });
});

describe('images', () => {
  test('are ours and have alternative texts', () => {
    const images = plain
      .$('img')
      .toArray()
      .map(({ attribs }) => [attribs.src, attribs.alt]);
    expect(images).toEqual([
      [`../assets/${'b'.repeat(32)}`, ''],
      [`../assets/${'p'.repeat(32)}`, 'A red shoe'],
    ]);
  });

  test.each([
    `https://evil.example/assets/${'p'.repeat(32)}`,
    `//evil.example/assets/${'p'.repeat(32)}`,
    `/assets/../secret/${'p'.repeat(21)}`,
    `/assets/${'p'.repeat(31)}"`,
    'javascript:alert(1)',
    'data:image/svg+xml,<svg onload="alert(1)"/>',
    '',
  ])('omits %j', (url) => {
    const page = readPage({ productImageUrl: url, backgroundImageUrl: url });
    expect(page.$('img')).toHaveLength(0);
    expect(page.html).not.toContain('src=');
  });
});

describe('colors', () => {
  const of = (colors: Partial<Prefill['colors']>) =>
    readPage({ colors: { ...makePrefill().colors, ...colors } }).style;

  test('are those of the prefill, also for the scrim', () => {
    expect(plain.style).toMatch(
      /#cta \{ --surface: #f4e9d8; --text: #111111; --scrim: #f4e9d8[\da-f]{2}; --button: #b00020; --button-text: #ffffff; \}/,
    );
  });

  test.each(['red', '#fff', '#ffffff;}', '</style><script>', 'url(https://evil.example)', '#ffffff\n', ''])(
    'replaces the invalid color %j and its pair by readable ones',
    (color) => {
      for (const pair of [{ background: color }, { text: color }]) {
        expect(of(pair)).toContain(
          '--surface: #ffffff; --text: #111111; --scrim: #ffffffcc; --button: #b00020;',
        );
      }
      for (const pair of [{ button: color }, { buttonText: color }]) {
        expect(of(pair)).toContain('--button: #1f2937; --button-text: #ffffff; }');
      }
    },
  );

  test('keeps chosen colors that are hard to read, with an opaque scrim', () => {
    expect(of({ background: '#ffffff', text: '#eeeeee' })).toContain(
      '--surface: #ffffff; --text: #eeeeee; --scrim: #ffffffff;',
    );
  });
});

test.each([
  ['de-AT', 'de-AT', 'ltr'],
  ['ar', 'ar', 'rtl'],
  ['HE-il', 'he-IL', 'rtl'],
  ['"><script>', 'en', 'ltr'],
  ['', 'en', 'ltr'],
])('declares the language %j and its direction', (locale, lang, dir) => {
  const { $ } = readPage({ locale });
  for (const element of ['html', 'article']) {
    expect($(element).attr()).toMatchObject({ lang, dir });
  }
});

test('contains no script, no form, and only the style that the policy allows', () => {
  expect(plain.names).toEqual([
    ...['html', 'head', 'meta', 'meta', 'title', 'style', 'body', 'main', 'article', 'img'],
    ...['div', 'img', 'h1', 'p', 'p', 'p', 'a'],
  ]);
  expect(plain.attributes).not.toContain('style');
  expect(plain.attributes.filter((name) => name.startsWith('on'))).toEqual([]);
});
