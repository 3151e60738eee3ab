import { isIP } from 'node:net';
import { AppError } from '../../lib/app-error.ts';
import { hostAndPort } from './allow-hosts.ts';
import { isBlockedPort } from './blocked-ports.ts';
import { isPublicAddress } from './public-address.ts';

/** Addresses that the operator allows in addition to public addresses on ports 80 and 443. */
export interface AddressRules {
  /** Entries of "host:port" that skip the checks of address and port. See `parseAllowHosts`. */
  readonly allowHosts: ReadonlySet<string>;
  /** See `parseAllowPorts`. */
  readonly allowPorts?: ReadonlySet<number>;
}

/**
 * The parts of an address that the rules check. `port` is empty for the protocol's default port.
 */
export interface Target {
  readonly protocol: string;
  readonly hostname: string;
  readonly port: string;
}

/**
 * Returns the reason why connecting to an address is not allowed, or undefined. Checks only what is
 * known before the name is resolved.
 */
export function findRefusal(target: Target, rules: AddressRules): AppError | undefined {
  const refusal = findPortRefusal(target, rules);
  if (refusal !== undefined) return refusal;
  return isPrivateLiteral(target) && !isAllowed(target, rules) ? new AppError('address_refused') : undefined;
}

/** Returns the reason why the port is not allowed, or undefined. */
export function findPortRefusal(target: Target, rules: AddressRules): AppError | undefined {
  const port = portOf(target);
  if (isBlockedPort(port)) {
    return new AppError('address_refused', { detail: `Port ${port} cannot be used for web addresses.` });
  }
  const isUsual = port === 80 || port === 443 || rules.allowPorts?.has(port);
  if (isUsual || isAllowed(target, rules)) return undefined;
  const detail = `Port ${port} is not allowed. The allowed ports are 80, 443 and those in the setting FETCH_ALLOW_PORTS.`;
  return new AppError('address_refused', { detail });
}

/** Whether the host is an IP address that is not public. Node.js does not look up IP addresses. */
export function isPrivateLiteral(target: Target): boolean {
  const address = bareHost(target);
  return isIP(address) !== 0 && !isPublicAddress(address);
}

/** Whether a host and port are exempt from the checks. */
export function isAllowed(target: Target, { allowHosts }: AddressRules): boolean {
  return allowHosts.has(hostAndPort(target.hostname, String(portOf(target))));
}

export function portOf({ protocol, port }: Target): number {
  return Number(port || (protocol === 'https:' ? 443 : 80));
}

/** Returns the host without the brackets of an IPv6 address. */
export function bareHost({ hostname }: Target): string {
  return hostname.replace(/^\[|\]$/g, '');
}
