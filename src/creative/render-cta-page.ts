import { escapeUTF8 } from 'entities/escape';
import { findAssetKey } from '../assets/asset.ts';
import { sha256 } from '../lib/ids.ts';
import { CTA_STYLE } from './cta-style.ts';
import type { Prefill } from './prefill.ts';
import { languageAttributes, renderCta } from './render-cta.ts';

/**
 * An HTML page, and the source that `style-src` of its Content-Security-Policy must name to allow
 * its style.
 */
export interface RenderedPage {
  readonly html: string;
  readonly styleSource: string;
}

/**
 * Renders the page of a preview: only its CTA, as large as the frame that shows it. `assets` is the
 * path from the page to the images, with a slash at its end. Leaves out images of other hosts, so
 * that they do not learn who views a CTA.
 */
export function renderCtaPage(prefill: Prefill, assets: string): RenderedPage {
  const image = (url: string) => {
    const key = findAssetKey(url);
    return key === undefined ? null : assets + key;
  };
  const { html, css } = renderCta(prefill, {
    id: 'cta',
    heading: 'h1',
    images: { background: image(prefill.backgroundImageUrl), product: image(prefill.productImageUrl) },
  });
  const style = `${CTA_STYLE}body { --cta-height: 100vh; margin: 0; }\n${css}\n`;
  return {
    html: `<!doctype html>
<html ${languageAttributes(prefill.locale)}>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeUTF8(prefill.headline.trim())}</title>
<style>${style}</style>
</head>
<body>
<main>
${html}
</main>
</body>
</html>
`,
    styleSource: styleSource(style),
  };
}

/** Returns the source expression for a `<style>` with exactly this content (CSP, section 2.3.1). */
export function styleSource(style: string): string {
  return `'sha256-${sha256(style).toString('base64')}'`;
}
