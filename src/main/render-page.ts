import type { Preview } from '../previews/preview.ts';

/** A preview with its pictures as files beside the page. */
export interface ShownPreview {
  readonly preview: Preview;
  /** Paths relative to the page; absent if the preview is not done. */
  readonly backgroundFile?: string;
  readonly productFile?: string;
}

/**
 * One plain HTML page that shows the CTAs as they would look. Texts come from pages and AI answers: all are escaped,
 * and the page runs no script.
 */
export function renderPage(previews: readonly ShownPreview[]): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src 'self' file:; style-src 'unsafe-inline'">
<title>CTA previews</title>
<style>
body { margin: 0; padding: 24px; background: #eceff3; font: 16px/1.45 system-ui, sans-serif; color: #1f2937; }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 420px), 1fr)); gap: 24px; }
article { border-radius: 14px; overflow: hidden; box-shadow: 0 2px 14px #0002; background: var(--surface); color: var(--text); display: flex; flex-direction: column; }
.background { width: 100%; aspect-ratio: 3 / 2; object-fit: cover; display: block; }
.head { display: flex; gap: 14px; align-items: center; }
.head h2 { flex: 1; min-width: 0; }
.product { width: 72px; height: 72px; object-fit: contain; background: #fff; border-radius: 10px; }
.texts { padding: 20px 22px 24px; display: flex; flex-direction: column; gap: 8px; overflow-wrap: anywhere; }
h2 { margin: 0; font-size: 1.35rem; line-height: 1.2; }
p { margin: 0; }
.price { font-weight: 700; }
.button { align-self: flex-start; margin-top: 8px; padding: 11px 20px; border-radius: 999px; background: var(--button); color: var(--button-text); font-weight: 600; text-decoration: none; }
.failed { padding: 22px; background: #fff; }
</style>
</head>
<body>
<main>
${previews.map(renderCard).join('\n')}
</main>
</body>
</html>
`;
}

function renderCard({ preview, backgroundFile = '', productFile = '' }: ShownPreview): string {
  const { prefill, error, status } = preview;
  if (!prefill) {
    const why = error ? `${error.message} (${error.code})` : `This preview is ${status}.`;
    return `<article><div class="failed"><p>${escapeHtml(why)}</p></div></article>`;
  }
  const { colors } = prefill;
  const style = `--surface:${colors.background};--text:${colors.text};--button:${colors.button};--button-text:${colors.buttonText}`;
  const paragraph = (text: string | null, name: string) =>
    text === null ? '' : `<p class="${name}">${escapeHtml(text)}</p>`;
  return `<article style="${escapeHtml(style)}" lang="${escapeHtml(prefill.locale)}">
<img class="background" src="${escapeHtml(backgroundFile)}" alt="">
<div class="texts"><div class="head"><h2>${escapeHtml(prefill.headline)}</h2><img class="product" src="${escapeHtml(productFile)}" alt="${escapeHtml(prefill.headline)}"></div>${paragraph(prefill.subheadline, 'subheadline')}${paragraph(prefill.body, 'body')}${paragraph(prefill.priceText, 'price')}
<a class="button" href="${escapeHtml(safeLink(prefill.ctaUrl))}" rel="noopener nofollow">${escapeHtml(prefill.ctaText)}</a></div>
</article>`;
}

/** Only web addresses become links, whatever is stored. */
function safeLink(url: string): string {
  return /^https?:\/\//i.test(url) ? url : '#';
}

function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}
