import type { Program } from './program.ts';

/** Returns the address that a program prints for one of its monitoring pages. */
export function findPage(program: Program, path: '/livez' | '/readyz' | '/metrics'): string {
  const line = program
    .output()
    .stdout.split('\n')
    .find((one) => one.includes(path));
  return `${/at (http:\S+)/.exec(line ?? '')?.[1]}${path}`;
}
