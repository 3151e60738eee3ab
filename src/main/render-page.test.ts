import { expect, test } from 'vitest';
import { styleSource } from '../creative/render-cta-page.ts';
import type { Preview } from '../previews/preview.ts';
import { renderPage } from './render-page.ts';

const preview: Preview = {
  id: '1',
  bulkTaskId: '2',
  sourceId: '3',
  productId: null,
  imageId: null,
  position: 0,
  status: 'done',
  prefill: {
    headline: '<script>alert(1)</script>',
    subheadline: null,
    body: null,
    ctaText: '<b>Buy</b>',
    ctaUrl: 'javascript:alert(1)',
    priceText: null,
    productImageUrl: '/assets/a',
    backgroundImageUrl: '/assets/b',
    colors: { background: '#ffffff', text: '#111111', button: '#222222', buttonText: '#ffffff' },
    locale: 'en',
  },
  embedUrl: null,
  error: null,
  ranking: null,
  generator: null,
  usage: { calls: 2, inputTokens: 10, outputTokens: 20, pictures: 1, durationMs: 1000 },
  queuePosition: null,
  eta: null,
  waitingFor: null,
  version: 1,
  createdAt: new Date(0),
  updatedAt: new Date(0),
};

test('shows each preview with its images and colors, and allows its style in the policy', () => {
  const other = { ...preview, prefill: preview.prefill && { ...preview.prefill, headline: 'Two' } };
  const page = renderPage([
    { preview, backgroundFile: 'b.jpg', productFile: 'p.jpg' },
    { preview: other, backgroundFile: 'c.jpg' },
  ]);
  expect(page.match(/<article class="cta" id="cta-\d"/g)).toEqual([
    '<article class="cta" id="cta-1"',
    '<article class="cta" id="cta-2"',
  ]);
  expect(page.match(/src="[^"]+"/g)).toEqual(['src="b.jpg"', 'src="p.jpg"', 'src="c.jpg"']);
  expect(page.match(/^#cta-\d \{ --surface: #ffffff;/gm)).toHaveLength(2);
  const style = /<style>(.*?)<\/style>/s.exec(page)?.[1] ?? '';
  expect(page).toContain(`style-src ${styleSource(style)}"`);
});

test('renders any texts as text', () => {
  const page = renderPage([{ preview }]);
  expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
  expect(page).not.toMatch(/<script|<b>|href=/);
});

test('shows why a preview failed', () => {
  const error = { code: 'page_gone', message: 'It is <gone>.', retryable: false };
  const page = renderPage([{ preview: { ...preview, status: 'failed', prefill: null, error } }]);
  expect(page).toContain('It is &lt;gone&gt;. (page_gone)');
});
