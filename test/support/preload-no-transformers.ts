import { registerHooks } from 'node:module';

/* For `--import`. The program cannot find the optional package, as after an install without it. */

registerHooks({
  resolve(specifier, context, next) {
    return next(specifier.replace('@huggingface/transformers', '@huggingface/not-installed'), context);
  },
});
