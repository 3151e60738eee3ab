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
  ])('%s is public', (ip) => {
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
  ])('%s is not (%s)', (ip) => {
    expect(isPublicAddress(ip)).toBe(false);
  });
});

describe('parseAllowHosts', () => {
  test('reads hosts with ports between commas and spaces', () => {
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
