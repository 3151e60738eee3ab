import { registerHooks } from 'node:module';

/* For `--import`: a program that starts with it finds the optional package as little as an install without it does. */

registerHooks({
  resolve(specifier, context, next) {
    return next(specifier.replace('@huggingface/transformers', '@huggingface/not-installed'), context);
  },
});
