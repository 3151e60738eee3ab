import type { Prefill } from '../../src/creative/prefill.ts';

/** Texts that try to break the markup, script or style around them. */
export const hostileTexts = {
  closing: '</style></title></p></article><script>pwned = 1; alert(1)</script>',
  attribute: '" onerror="pwned = 1" onload=\'pwned = 1\' autofocus onfocus=alert(1) x="',
  element: '<img src=x onerror="pwned = 1"><svg onload=alert(1)><iframe srcdoc="<script>alert(1)</script>">',
  comment: '<!-- --!> ]]> <![CDATA[ <style>*{display:none}</style> &lt;b&gt; &#60;script&#62;',
  css: '} body { display: none } #cta { color: red; background: url(https://evil.example/x)',
  bidi: '\u202eecirp \u2067\u2066abc \u200f\u061c\u202d!',
  long: 'W'.repeat(400),
  joined: `${'x\u2060\u00a0'.repeat(130)}x`,
} as const;

/** Returns a prefill as the service stores it. `changes` replaces some of its fields. */
export function makePrefill(changes: Partial<Prefill> = {}): Prefill {
  return {
    headline: 'A red shoe',
    subheadline: 'For every day',
    body: 'It is red.\nIt is a shoe.',
    ctaText: 'Buy now',
    ctaUrl: 'https://shop.example/red-shoe?a=1&b=2',
    priceText: '€46.00',
    productImageUrl: `/assets/${'p'.repeat(32)}`,
    backgroundImageUrl: `/assets/${'b'.repeat(32)}`,
    colors: { background: '#f4e9d8', text: '#111111', button: '#b00020', buttonText: '#ffffff' },
    locale: 'en',
    ...changes,
  };
}

/** Puts the same hostile text into every text field. */
export function makeHostile(text: string): Partial<Prefill> {
  return { headline: text, subheadline: text, body: text, ctaText: text, priceText: text };
}
