import ipaddr from 'ipaddr.js';

/**
 * Azure answers every virtual machine (DHCP, DNS, tokens of the host) at this address. It lies in a public range,
 * so no list of private ranges has it.
 */
const AZURE_PLATFORM = '168.63.129.16';

/** The only IPv6 block that IANA gives out for the public internet (RFC 4291, 2.5.4). */
const GLOBAL_IPV6 = ipaddr.IPv6.parseCIDR('2000::/3');

/** 6bone, a test network that has ended (RFC 3701); old Teredo used a part of it. */
const SIX_BONE = ipaddr.IPv6.parseCIDR('3ffe::/16');

/**
 * Whether an IP address (IPv4 in four decimal parts, or IPv6 without brackets) is on the public internet. Everything
 * else is refused: private, loopback, link-local, shared, multicast, documentation, and every IPv6 form that
 * carries an IPv4 address inside, because a gateway would unwrap it behind our back. All entries of IANA's
 * special-purpose registries are refused, also those that are globally reachable: they are not for web servers.
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

/** ISATAP (RFC 5214, 6.1) can be used under any prefix: the interface id is `[02]00:5efe` and an IPv4 address. */
function isIsatap({ parts }: ipaddr.IPv6): boolean {
  return (parts[4] === 0 || parts[4] === 0x200) && parts[5] === 0x5efe;
}
