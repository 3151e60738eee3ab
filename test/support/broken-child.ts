import { serveParent } from '../../src/lib/serve-parent.ts';

/* A process of a pool that cannot load a library. */
serveParent(async () => {
  throw new Error('there is no library');
});
