import ipaddr from 'ipaddr.js';
import { describe, expect, test } from 'vitest';
import { parseAllowHosts } from './allow-hosts.ts';
import { isPublicAddress } from './public-address.ts';

describe('isPublicAddress', () => {
  test.each([
    '1.1.1.1',
    '8.8.8.8',
    '93.184.216.34',
    '172.15.255.255',
    '172.32.0.1',
    '100.63.255.255',
    '192.167.0.1',
    '223.255.255.255',
    '2606:4700:4700::1111',
    '2a00:1450:4001:80b::200e',
  ])('accepts %s as public', (ip) => {
    expect(isPublicAddress(ip)).toBe(true);
  });

  test.each([
    ['0.0.0.0', 'this host'],
    ['0.1.2.3', 'this network'],
    ['10.0.0.1', 'private'],
    ['172.16.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['192.168.1.1', 'private'],
    ['127.0.0.1', 'loopback'],
    ['127.255.255.254', 'loopback'],
    ['169.254.169.254', 'metadata'],
    ['169.254.170.2', 'metadata of containers'],
    ['100.64.0.1', 'shared'],
    ['100.100.100.200', 'metadata in shared space'],
    ['168.63.129.16', 'platform of Azure'],
    ['192.0.0.1', 'protocol assignments'],
    ['192.0.2.1', 'documentation'],
    ['198.51.100.1', 'documentation'],
    ['203.0.113.1', 'documentation'],
    ['198.18.0.1', 'benchmarks'],
    ['192.88.99.1', '6to4 relay'],
    ['224.0.0.1', 'multicast'],
    ['239.255.255.255', 'multicast'],
    ['240.0.0.1', 'reserved'],
    ['255.255.255.255', 'broadcast'],
    ['::', 'unspecified'],
    ['::1', 'loopback'],
    ['::127.0.0.1', 'v4-compatible'],
    ['::ffff:127.0.0.1', 'v4-mapped'],
    ['::ffff:8.8.8.8', 'v4-mapped'],
    ['::ffff:0:127.0.0.1', 'v4-translated'],
    ['64:ff9b::7f00:1', 'NAT64'],
    ['64:ff9b:1::1', 'local NAT64'],
    ['2002:7f00:1::', '6to4'],
    ['2001::1', 'Teredo'],
    ['2001:db8::1', 'documentation'],
    ['3fff::1', 'documentation'],
    ['2001:2::1', 'benchmarks'],
    ['2606:4700::5efe:7f00:1', 'ISATAP'],
    ['2606:4700::200:5efe:a00:1', 'ISATAP'],
    ['2a00:1450:4001:80b:0:5efe:808:808', 'ISATAP'],
    ['3ffe:831f::1', '6bone'],
    ['2001:10::1', 'ORCHID'],
    ['100::1', 'discard'],
    ['fc00::1', 'unique local'],
    ['fd00:ec2::254', 'metadata'],
    ['fe80::1', 'link-local'],
    ['fe80::1%eth0', 'link-local with a zone'],
    ['2606:4700::1%eth0', 'a zone'],
    ['fec0::1', 'site-local'],
    ['ff02::1', 'multicast'],
    ['5f00::1', 'segment routing'],
    ['4000::1', 'not given out'],
    ['2130706433', 'not four parts'],
    ['0x7f.1', 'not four parts'],
    ['0177.0.0.1', 'octal'],
    ['127.1', 'short'],
    ['[::1]', 'brackets'],
    ['localhost', 'a name'],
    ['', 'nothing'],
  ])('rejects %s (%s)', (ip) => {
    expect(isPublicAddress(ip)).toBe(false);
  });
});

describe('the special-purpose registries of IANA', () => {
  // Every row of https://www.iana.org/assignments/iana-ipv4-special-registry.
  const IPV4 = [
    '0.0.0.0/8 This network',
    '0.0.0.0/32 This host on this network',
    '10.0.0.0/8 Private-Use',
    '100.64.0.0/10 Shared Address Space',
    '127.0.0.0/8 Loopback',
    '169.254.0.0/16 Link Local',
    '172.16.0.0/12 Private-Use',
    '192.0.0.0/24 IETF Protocol Assignments',
    '192.0.0.0/29 IPv4 Service Continuity Prefix',
    '192.0.0.8/32 IPv4 dummy address',
    '192.0.0.9/32 Port Control Protocol Anycast',
    '192.0.0.10/32 TURN Anycast',
    '192.0.0.170/32 NAT64/DNS64 Discovery',
    '192.0.0.171/32 NAT64/DNS64 Discovery',
    '192.0.2.0/24 Documentation (TEST-NET-1)',
    '192.31.196.0/24 AS112-v4',
    '192.52.193.0/24 AMT',
    '192.88.99.0/24 6to4 Relay Anycast',
    '192.88.99.2/32 6a44-relay anycast address',
    '192.168.0.0/16 Private-Use',
    '192.175.48.0/24 Direct Delegation AS112 Service',
    '198.18.0.0/15 Benchmarking',
    '198.51.100.0/24 Documentation (TEST-NET-2)',
    '203.0.113.0/24 Documentation (TEST-NET-3)',
    '240.0.0.0/4 Reserved',
    '255.255.255.255/32 Limited Broadcast',
    '224.0.0.0/4 Multicast (a registry of its own)',
  ];
  // Every row of https://www.iana.org/assignments/iana-ipv6-special-registry.
  const IPV6 = [
    '::1/128 Loopback Address',
    '::/128 Unspecified Address',
    '::ffff:0:0/96 IPv4-mapped Address',
    '64:ff9b::/96 IPv4-IPv6 Translation',
    '64:ff9b:1::/48 IPv4-IPv6 Translation',
    '100::/64 Discard-Only Address Block',
    '100:0:0:1::/64 Dummy IPv6 Prefix',
    '2001::/23 IETF Protocol Assignments',
    '2001::/32 TEREDO',
    '2001:1::1/128 Port Control Protocol Anycast',
    '2001:1::2/128 TURN Anycast',
    '2001:1::3/128 DNS-SD Service Registration Protocol Anycast',
    '2001:2::/48 Benchmarking',
    '2001:3::/32 AMT',
    '2001:4:112::/48 AS112-v6',
    '2001:10::/28 Deprecated (ORCHID)',
    '2001:20::/28 ORCHIDv2',
    '2001:30::/28 Drone Remote ID Protocol Entity Tags',
    '2001:db8::/32 Documentation',
    '2002::/16 6to4',
    '2620:4f:8000::/48 Direct Delegation AS112 Service',
    '3fff::/20 Documentation',
    '5f00::/16 Segment Routing (SRv6) SIDs',
    'fc00::/7 Unique-Local',
    'fe80::/10 Link-Local Unicast',
    'fec0::/10 Site-Local (deprecated)',
    'ff00::/8 Multicast (a registry of its own)',
    '3ffe::/16 6bone (returned)',
  ];

  test.each([...IPV4, ...IPV6])('rejects the first and the last address of %s', (line) => {
    const range = line.split(' ', 1)[0] ?? '';
    const family = range.includes(':') ? ipaddr.IPv6 : ipaddr.IPv4;
    const addresses = [family.networkAddressFromCIDR(range), lastOf(range)].map(String);
    expect(addresses.map(isPublicAddress)).toEqual([false, false]);
  });

  function lastOf(range: string): ipaddr.IPv4 | ipaddr.IPv6 {
    const [base, bits] = ipaddr.parseCIDR(range);
    const bytes = base.toByteArray().map((byte, index) => {
      const free = Math.min(Math.max((index + 1) * 8 - bits, 0), 8);
      return byte | (2 ** free - 1);
    });
    return ipaddr.fromByteArray(bytes);
  }

  test('accepts addresses just outside of the added ranges', () => {
    const outside = [
      '3ffd::1',
      '2606:4700::1:5efe:808:808',
      '2606:4700::5eff:808:808',
      '2606:4700::100:5efe:1:1',
    ];
    expect(outside.map(isPublicAddress)).toEqual(outside.map(() => true));
  });
});

describe('parseAllowHosts', () => {
  test('reads hosts with ports, separated by commas and spaces', () => {
    expect([...parseAllowHosts('LocalHost:8080, 127.0.0.1:80\n[::1]:443')]).toEqual([
      'localhost:8080',
      '127.0.0.1:80',
      '[::1]:443',
    ]);
    expect(parseAllowHosts('').size).toBe(0);
  });

  test.each(['localhost', 'http://localhost:80', 'localhost:80/path', 'a@b:80', 'localhost:99999'])(
    'refuses %s',
    (entry) => {
      expect(() => parseAllowHosts(entry)).toThrow(TypeError);
    },
  );
});
