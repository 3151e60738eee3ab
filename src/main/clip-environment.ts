/**
 * Variables that a process needs to find its files and the network, and settings of the libraries
 * in it (HF_TOKEN gives access to models of the hub).
 */
const NAMES =
  /^(PATH|HOME|XDG_CACHE_HOME|CTA_BATCH_CACHE|TMPDIR|LANG|TZ|(HTTPS?|NO|ALL)_PROXY|(LD|DYLD|NODE|SSL_CERT|MALLOC|OMP|ORT|HF)_\w+)$/i;

/**
 * Returns the environment of the process with the CLIP model: none of our own settings, so neither
 * the database URL nor the AI keys. That process runs large libraries on images from strangers.
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
