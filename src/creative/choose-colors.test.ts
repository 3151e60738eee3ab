import { expect, test } from 'vitest';
import { chooseColors, contrastOf, MIN_CONTRAST } from './choose-colors.ts';

const LEVELS = ['00', '33', '55', '77', '80', '99', 'cc', 'ff'];
const CUBE = LEVELS.flatMap((r) => LEVELS.flatMap((g) => LEVELS.map((b) => `#${r}${g}${b}`)));

test('chooses readable colors for surfaces and buttons for any images', () => {
  for (const [i, background] of CUBE.entries()) {
    const product = CUBE[(i * 37) % CUBE.length] ?? '#000000';
    const colors = chooseColors({ background: [background], product: [product, background] });
    for (const value of Object.values(colors)) expect(value).toMatch(/^#[0-9a-f]{6}$/);
    expect(contrastOf(colors.background, colors.text)).toBeGreaterThanOrEqual(MIN_CONTRAST);
    expect(contrastOf(colors.button, colors.buttonText)).toBeGreaterThanOrEqual(MIN_CONTRAST);
    expect(colors.button).not.toBe(colors.background);
  }
});

test('uses the most saturated color of the product for the button', () => {
  const colors = chooseColors({ background: ['#f5f5f5'], product: ['#808080', '#b00020', '#223344'] });
  expect(colors).toEqual({
    background: '#f5f5f5',
    text: '#111111',
    button: '#b00020',
    buttonText: '#ffffff',
  });
});

test('chooses readable colors without any color in the images', () => {
  const colors = chooseColors({ background: [], product: [] });
  expect(contrastOf(colors.button, colors.buttonText)).toBeGreaterThanOrEqual(MIN_CONTRAST);
});
