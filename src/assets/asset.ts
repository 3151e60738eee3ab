/** What an asset's key looks like: 192 random bits in base64url. Anything else is not looked up. */
export const ASSET_KEY = /^[\w-]{32}$/;

/** Where a picture is found under the service's own address. Stored without the host, which may change. */
export function assetPath(key: string): string {
  return `/assets/${key}`;
}
