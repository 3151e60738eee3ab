/* For `--import`. Requests of the program to the model hub go to the fake hub at HF_FAKE_HUB. */

const real = globalThis.fetch;
globalThis.fetch = (input, init) =>
  real(
    String(input).replace('https://huggingface.co', process.env.HF_FAKE_HUB ?? 'http://127.0.0.1:9'),
    init,
  );
