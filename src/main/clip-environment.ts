/**
 * How a process finds its files and the network, and the settings of the libraries that run there (HF_TOKEN opens models of
 * the hub).
 */
const NAMES =
  /^(PATH|HOME|XDG_CACHE_HOME|CTA_BATCH_CACHE|TMPDIR|LANG|TZ|(HTTPS?|NO|ALL)_PROXY|(LD|DYLD|NODE|SSL_CERT|MALLOC|OMP|ORT|HF)_\w+)$/i;

/**
 * What the process with the CLIP model is told of the environment: none of our own settings, so neither the database nor the
 * AI's keys. It runs large libraries over what strangers drew.
 */
export function pickClipEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) =>
      value !== undefined && NAMES.test(name) ? [[name, value]] : [],
    ),
  );
}
