import ipaddr from 'ipaddr.js';

/**
 * Azure serves every virtual machine (DHCP, DNS, tokens of the host) at this address. It is in a
 * public range, so no list of private ranges contains it.
 */
const AZURE_PLATFORM = '168.63.129.16';

/** The only IPv6 block that IANA allocates for the public internet (RFC 4291, 2.5.4). */
const GLOBAL_IPV6 = ipaddr.IPv6.parseCIDR('2000::/3');

/** 6bone, a former test network (RFC 3701). Early versions of Teredo used a part of it. */
const SIX_BONE = ipaddr.IPv6.parseCIDR('3ffe::/16');

/**
 * Whether an IP address (IPv4 in four decimal parts, or IPv6 without brackets) is on the public
 * internet. Everything else is refused: private, loopback, link-local, shared, multicast,
 * documentation, and every IPv6 form that contains an IPv4 address, because a gateway would unwrap
 * it after this check.
 * All entries of the special-purpose registries of IANA are refused, including those that are
 * globally reachable: they are not for web servers.
 */
export function isPublicAddress(ip: string): boolean {
  if (ipaddr.IPv4.isValidFourPartDecimal(ip)) {
    return ip !== AZURE_PLATFORM && ipaddr.IPv4.parse(ip).range() === 'unicast';
  }
  if (!ipaddr.IPv6.isValid(ip)) return false;
  const address = ipaddr.IPv6.parse(ip);
  return (
    address.zoneId === undefined &&
    address.range() === 'unicast' &&
    address.match(GLOBAL_IPV6) &&
    !address.match(SIX_BONE) &&
    !isIsatap(address)
  );
}

/**
 * ISATAP works under any prefix: its interface id is `[02]00:5efe` and an IPv4 address (RFC 5214,
 * section 6.1).
 */
function isIsatap({ parts }: ipaddr.IPv6): boolean {
  return (parts[4] === 0 || parts[4] === 0x200) && parts[5] === 0x5efe;
}
