import { escapeUTF8 } from 'entities/escape';
import { textDirection } from '../lib/text-direction.ts';
import { chooseScrimOpacity } from './choose-scrim.ts';
import type { Colors, Prefill } from './prefill.ts';

export interface RenderCtaOptions {
  /** The id of the element, unique in its page; a CSS identifier. */
  readonly id: string;
  readonly heading: 'h1' | 'h2';
  /** The addresses of the images, for `src`; null to leave one out. */
  readonly images: { readonly background: string | null; readonly product: string | null };
}

/**
 * A CTA, and the colors that it needs beside `CTA_STYLE`. The style is apart from the markup, so
 * that a page can allow it by its hash.
 */
export interface RenderedCta {
  readonly html: string;
  readonly css: string;
}

/**
 * Renders a CTA as HTML. Every value of a prefill is untrusted: it comes from a shop's page, an AI
 * service or a person who edits. So texts are escaped, only http(s) addresses become links, and a
 * value that is no color is not used. There is no script.
 */
export function renderCta(prefill: Prefill, { id, heading, images }: RenderCtaOptions): RenderedCta {
  const headline = escapeUTF8(prefill.headline.trim());
  const paragraph = (text: string | null, name: string) =>
    text?.trim() ? `\n<p class="cta-${name}">${escapeUTF8(text.trim())}</p>` : '';
  const image = (url: string | null, name: string, alt: string) =>
    url === null ? '' : `\n<img class="cta-${name}" src="${escapeUTF8(url)}" alt="${alt}">`;
  const html = `<article class="cta" id="${escapeUTF8(id)}" ${languageAttributes(prefill.locale)}>${image(images.background, 'image', '')}
<div class="cta-panel">${image(images.product, 'product', headline)}
<${heading} class="cta-headline">${headline}</${heading}>${paragraph(prefill.subheadline, 'subheadline')}${paragraph(prefill.body, 'body')}${paragraph(prefill.priceText, 'price')}
${renderButton(prefill)}
</div>
</article>`;
  return { html, css: `#${id} { ${renderColors(prefill.colors)} }` };
}

/** Returns `lang` and `dir` for texts in a language. Falls back to English. */
export function languageAttributes(locale: string): string {
  const lang = canonicalTag(locale) ?? 'en';
  return `lang="${escapeUTF8(lang)}" dir="${textDirection(lang)}"`;
}

function canonicalTag(locale: string): string | undefined {
  try {
    return Intl.getCanonicalLocales(locale)[0];
  } catch {
    return undefined;
  }
}

/** The frame of a CTA is small, so the link opens in the window (`_top`) and not in the frame. */
function renderButton({ ctaText, ctaUrl }: Prefill): string {
  const text = escapeUTF8(ctaText.trim());
  const url = URL.parse(ctaUrl);
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') return `<p class="cta-button">${text}</p>`;
  return `<a class="cta-button" href="${escapeUTF8(url.href)}" target="_top" rel="noopener nofollow">${text}</a>`;
}

function renderColors(colors: Colors): string {
  const [surface, text] = colorPair(colors.background, colors.text, ['#ffffff', '#111111']);
  const [button, buttonText] = colorPair(colors.button, colors.buttonText, ['#1f2937', '#ffffff']);
  const opacity = Math.round(chooseScrimOpacity(surface, text) * 255);
  const scrim = `${surface}${opacity.toString(16).padStart(2, '0')}`;
  return `--surface: ${surface}; --text: ${text}; --scrim: ${scrim}; --button: ${button}; --button-text: ${buttonText};`;
}

/** Takes both colors or neither: one of them may be unreadable on a default color. */
function colorPair(fill: string, ink: string, instead: [string, string]): [string, string] {
  return [fill, ink].every((color) => /^#[0-9a-f]{6}$/i.test(color)) ? [fill, ink] : instead;
}
