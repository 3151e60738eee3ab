/* For `--import`: what a program that starts with it asks of the model hub goes to the fake one at HF_FAKE_HUB. */

const real = globalThis.fetch;
globalThis.fetch = (input, init) =>
  real(
    String(input).replace('https://huggingface.co', process.env.HF_FAKE_HUB ?? 'http://127.0.0.1:9'),
    init,
  );
