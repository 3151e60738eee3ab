import type { SceneColors } from './scene-colors.ts';

/** The size of every composed background. */
export const SCENE = { width: 1200, height: 800 } as const;

/** The position of the product: beside the free space for the text, or none. */
type Place = 'left' | 'right' | 'none';

/** One composition. `photo` puts the blurred, enlarged product image below the colors. */
export interface Scene {
  readonly tone: 'light' | 'dark';
  readonly place: Place;
  readonly photo: boolean;
  readonly fill: 'linear' | 'radial';
  /** In degrees, for a linear fill. */
  readonly angle: number;
  readonly shape: 'disc' | 'band' | 'dots' | 'waves' | 'split' | 'rings' | 'none';
}

const SCENES: readonly Scene[] = [
  { tone: 'light', place: 'right', photo: false, fill: 'linear', angle: 25, shape: 'disc' },
  { tone: 'dark', place: 'left', photo: false, fill: 'linear', angle: 45, shape: 'band' },
  { tone: 'light', place: 'right', photo: true, fill: 'linear', angle: 0, shape: 'none' },
  { tone: 'light', place: 'left', photo: false, fill: 'radial', angle: 0, shape: 'dots' },
  { tone: 'dark', place: 'none', photo: true, fill: 'linear', angle: 90, shape: 'waves' },
  { tone: 'light', place: 'right', photo: false, fill: 'linear', angle: 90, shape: 'split' },
  { tone: 'dark', place: 'left', photo: false, fill: 'radial', angle: 0, shape: 'rings' },
  { tone: 'light', place: 'left', photo: false, fill: 'linear', angle: 160, shape: 'waves' },
  { tone: 'dark', place: 'right', photo: true, fill: 'linear', angle: 180, shape: 'band' },
  { tone: 'dark', place: 'none', photo: false, fill: 'radial', angle: 0, shape: 'disc' },
];

/**
 * Returns the composition of a variant. There are ten; later variants repeat them, with other
 * colors if the palette has enough.
 */
export function findScene(variant: number): Scene {
  return SCENES[variant % SCENES.length] as Scene;
}

/** Returns the center of the product in pixels. */
export function productCenter(scene: Scene): { x: number; y: number } {
  return { x: scene.place === 'left' ? 350 : 850, y: 400 };
}

/** Returns the fill of a scene as SVG. Over a photo it is translucent. */
export function drawFill(scene: Scene, colors: SceneColors): string {
  const [from, to] = scene.tone === 'light' ? [colors.light, colors.soft] : [colors.strong, colors.deep];
  const stops = `<stop offset="0" stop-color="${from}"/><stop offset="1" stop-color="${to}"/>`;
  const fill =
    scene.fill === 'radial'
      ? `<radialGradient id="f" cx="${productCenter(scene).x / SCENE.width}" cy="0.5" r="0.8">${stops}</radialGradient>`
      : `<linearGradient id="f" gradientTransform="rotate(${scene.angle} .5 .5)">${stops}</linearGradient>`;
  return `<defs>${fill}</defs><rect width="1200" height="800" fill="url(#f)" opacity="${scene.photo ? 0.8 : 1}"/>`;
}

/** Returns the shape between fill and product as SVG, or an empty string. */
export function drawShape(scene: Scene, colors: SceneColors): string {
  const { x, y } = productCenter(scene);
  const mirrored = scene.place === 'left';
  const tint = scene.tone === 'light' ? colors.strong : colors.light;
  switch (scene.shape) {
    case 'disc':
      return `<circle cx="${x}" cy="${y}" r="350" fill="${tint}" opacity=".16"/><circle cx="${x}" cy="${y}" r="290" fill="#fff" opacity="${scene.tone === 'light' ? 0.75 : 0.08}"/>`;
    case 'band': {
      const points = mirrored ? '0,120 620,0 700,0 0,760' : '1200,120 580,0 500,0 1200,760';
      return `<polygon points="${points}" fill="${tint}" opacity=".14"/>`;
    }
    case 'rings':
      return [420, 340, 260]
        .map(
          (r) =>
            `<circle cx="${x}" cy="${y}" r="${r}" fill="none" stroke="${tint}" stroke-width="2" opacity=".3"/>`,
        )
        .join('');
    case 'dots':
      return drawDots(mirrored ? 760 : 60, tint);
    case 'waves':
      return `<path d="M0 640C220 540 420 720 660 640S1040 560 1200 620V800H0Z" fill="${tint}" opacity=".18"/><path d="M0 700C260 620 480 780 760 700S1080 650 1200 690V800H0Z" fill="${tint}" opacity=".25"/>`;
    case 'split':
      return `<rect x="${mirrored ? 0 : 600}" width="600" height="800" fill="${tint}" opacity=".32"/>`;
    case 'none':
      return '';
  }
}

function drawDots(left: number, color: string): string {
  const dots: string[] = [];
  for (let row = 0; row < 6; row++) {
    for (let column = 0; column < 10; column++) {
      dots.push(`<circle cx="${left + column * 40}" cy="${60 + row * 40}" r="4"/>`);
    }
  }
  return `<g fill="${color}" opacity=".28">${dots.join('')}</g>`;
}

/**
 * Returns a complete SVG document of the scene's shape, `width` pixels wide (by default, the width
 * of the scene).
 */
export function wrapSvg(content: string, width: number = SCENE.width): Buffer {
  const height = (width * SCENE.height) / SCENE.width;
  return Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${SCENE.width} ${SCENE.height}">${content}</svg>`,
  );
}
