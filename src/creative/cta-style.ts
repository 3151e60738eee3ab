/**
 * The style of every CTA, whatever its colors. A CTA fits the width of its container, from 320 to
 * 1200 px and beyond, so container queries use its width and not the window's. The image fills the
 * CTA, and the texts stand on a layer over it (`choose-scrim`): at the bottom of a narrow CTA, at
 * the side of a wide one.
 */
export const CTA_STYLE = `
.cta, .cta * { box-sizing: border-box; margin: 0; }
.cta { container-type: inline-size; position: relative; isolation: isolate; display: grid; align-items: center; overflow: hidden; min-height: var(--cta-height, 26rem); background: var(--surface); color: var(--text); font: 400 1rem/1.45 system-ui, sans-serif; }
.cta-image { position: absolute; inset: 0; z-index: -1; width: 100%; height: 100%; object-fit: cover; }
.cta-panel { display: grid; justify-items: start; gap: .625rem; min-width: 0; padding: clamp(1rem, 5cqi, 2rem); overflow-wrap: anywhere; }
.cta-image + .cta-panel { align-self: end; margin-block-start: min(40cqi, 35vh); background: var(--scrim); }
.cta-product { width: clamp(4.5rem, 20cqi, 8rem); aspect-ratio: 1; object-fit: contain; border-radius: .75rem; background: #fff; color: #1f2937; font-size: .75rem; overflow: hidden; }
.cta-headline { font-size: clamp(1.375rem, 1rem + 2.5cqi, 2.25rem); line-height: 1.2; text-wrap: balance; }
.cta-subheadline { font-size: 1.125rem; }
.cta-body { white-space: pre-line; }
.cta-price { font-size: 1.125rem; font-weight: 700; }
.cta-button { display: inline-block; max-width: 100%; min-height: 2.75rem; margin-block-start: .375rem; padding: .625rem 1.5rem; border-radius: 1.375rem; background: var(--button); color: var(--button-text); font-weight: 600; text-decoration: none; }
.cta-button:hover { text-decoration: underline; }
.cta-button:focus-visible { outline: 3px solid var(--text); outline-offset: 3px; }
@container (min-width: 40rem) {
  .cta-image + .cta-panel { align-self: center; width: min(60cqi, 36rem); margin: clamp(1rem, 4cqi, 3rem); border-radius: 1rem; }
}
`;
