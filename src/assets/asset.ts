/** The form of an asset's key: 192 random bits in base64url. Other keys are not looked up. */
export const ASSET_KEY = /^[\w-]{32}$/;

const ROOT = '/assets/';

/**
 * Returns the path of an image on this service. Rows store it without the host, which may change.
 */
export function assetPath(key: string): string {
  return ROOT + key;
}

/**
 * Returns the key in a path that `assetPath` made; undefined for anything else, such as an image on
 * another host.
 */
export function findAssetKey(path: string): string | undefined {
  const key = path.slice(ROOT.length);
  return path.startsWith(ROOT) && ASSET_KEY.test(key) ? key : undefined;
}
