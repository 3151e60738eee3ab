import type { Page } from 'playwright-core';
import sharp from 'sharp';
import { contrastOf } from '../../src/creative/choose-colors.ts';

/** A text of a page, and its lowest contrast with a pixel that is really behind it. */
export interface MeasuredText {
  readonly name: string;
  readonly contrast: number;
  readonly pixels: number;
}

/**
 * Measures what is painted behind each text. Makes the texts transparent, takes a screenshot, and
 * compares every pixel in the boxes of their lines with the original text color. Leaves the texts
 * invisible.
 */
export async function measureContrast(page: Page, selector: string): Promise<MeasuredText[]> {
  const texts = await page.locator(selector).evaluateAll((elements) =>
    elements.map((element) => {
      const range = element.ownerDocument.createRange();
      range.selectNodeContents(element);
      const view = element.ownerDocument.defaultView;
      const { color } = view.getComputedStyle(element);
      const boxes = [...range.getClientRects()].map(({ x, y, width, height }) => ({
        x: x + view.scrollX,
        y: y + view.scrollY,
        width,
        height,
      }));
      return { name: element.className, color, boxes };
    }),
  );
  await page.locator(selector).evaluateAll((elements) => {
    for (const element of elements) element.style.setProperty('color', 'transparent', 'important');
  });
  const photo = await page.screenshot({ fullPage: true });
  const { data, info } = await sharp(photo).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  return texts.map(({ name, color, boxes }) => {
    const seen = new Set<number>();
    let pixels = 0;
    for (const { x, y, width, height } of boxes) {
      for (let row = Math.floor(y); row < Math.ceil(y + height); row += 1) {
        for (let column = Math.floor(x); column < Math.ceil(x + width); column += 1) {
          pixels += 1;
          seen.add(data.readUIntBE((row * info.width + column) * 3, 3));
        }
      }
    }
    const contrasts = [...seen].map((rgb) => contrastOf(`#${rgb.toString(16).padStart(6, '0')}`, color));
    return { name, pixels, contrast: Math.min(...contrasts) };
  });
}
