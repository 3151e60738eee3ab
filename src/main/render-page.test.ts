import { expect, test } from 'vitest';
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
    subheadline: '"quoted" & \'so\'',
    body: null,
    ctaText: '<b>Buy</b>',
    ctaUrl: 'javascript:alert(1)',
    priceText: null,
    productImageUrl: '/assets/a',
    backgroundImageUrl: '/assets/b',
    colors: { background: '#ffffff"><script>', text: '#111111', button: '#222222', buttonText: '#ffffff' },
    locale: '"><img src=x onerror=alert(1)>',
  },
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

test('whatever the texts hold, they stay texts', () => {
  const page = renderPage([{ preview, backgroundFile: 'b.jpg', productFile: 'p.jpg' }]);
  expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
  expect(page).not.toMatch(/<script|<b>|onerror=alert\(1\)>|href="javascript/);
  expect(page).toContain('href="#"');
});

test('a preview that failed says why', () => {
  const error = { code: 'page_gone', message: 'It is <gone>.', retryable: false };
  const page = renderPage([{ preview: { ...preview, status: 'failed', prefill: null, error } }]);
  expect(page).toContain('It is &lt;gone&gt;. (page_gone)');
});
