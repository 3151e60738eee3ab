import { serveParent } from '../../lib/serve-parent.ts';

/* The child process that has the model and ranks images for `clip-ranker.ts`. */
serveParent(async () => (await import('./rank-by-clip.ts')).rankByClip);
