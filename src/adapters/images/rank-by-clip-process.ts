import { serveParent } from '../../lib/serve-parent.ts';

/* A process that has the model, and ranks images for `clip-ranker.ts`. */
serveParent(async () => (await import('./rank-by-clip.ts')).rankByClip);
