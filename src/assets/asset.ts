/** What an asset's key looks like: 192 random bits in base64url. Anything else is not looked up. */
export const ASSET_KEY = /^[\w-]{32}$/;

const ROOT = '/assets/';

/** Where an image is found under the service's own address. Stored without the host, which may change. */
export function assetPath(key: string): string {
  return ROOT + key;
}

/** The key in a path that `assetPath` made; undefined for anything else, such as an image that is not ours. */
export function findAssetKey(path: string): string | undefined {
  const key = path.slice(ROOT.length);
  return path.startsWith(ROOT) && ASSET_KEY.test(key) ? key : undefined;
}
