import { escapeUTF8 } from 'entities/escape';
import { CTA_STYLE } from '../creative/cta-style.ts';
import { renderCta } from '../creative/render-cta.ts';
import { styleSource } from '../creative/render-cta-page.ts';
import type { Preview } from '../previews/preview.ts';

/** A preview, with its images as files beside the page. */
export interface ShownPreview {
  readonly preview: Preview;
  /** Paths relative to the page. Absent if the preview is not done or its image does not exist. */
  readonly backgroundFile?: string | undefined;
  readonly productFile?: string | undefined;
}

const PAGE_STYLE = `
body { margin: 0; padding: 24px; background: #eceff3; font: 16px/1.45 system-ui, sans-serif; color: #1f2937; }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 420px), 1fr)); gap: 24px; }
article { border-radius: 14px; box-shadow: 0 2px 14px #0002; }
.failed { padding: 22px; background: #fff; overflow-wrap: anywhere; }
`;

/**
 * Returns one HTML page that shows the CTAs, each as on its own page. Texts come from shops and AI
 * answers, so all are escaped, and the page runs no script.
 */
export function renderPage(previews: readonly ShownPreview[]): string {
  const cards = previews.map(renderCard);
  const style = `${PAGE_STYLE}${CTA_STYLE}${cards.map(({ css }) => css).join('\n')}\n`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src 'self' file:; style-src ${styleSource(style)}">
<title>CTA previews</title>
<style>${style}</style>
</head>
<body>
<main>
${cards.map(({ html }) => html).join('\n')}
</main>
</body>
</html>
`;
}

function renderCard(
  { preview, backgroundFile, productFile }: ShownPreview,
  index: number,
): { html: string; css: string } {
  const { prefill, error, status } = preview;
  if (prefill) {
    const images = { background: backgroundFile ?? null, product: productFile ?? null };
    return renderCta(prefill, { id: `cta-${index + 1}`, heading: 'h2', images });
  }
  const why = error ? `${error.message} (${error.code})` : `This preview is ${status}.`;
  return { html: `<article class="failed"><p>${escapeUTF8(why)}</p></article>`, css: '' };
}
