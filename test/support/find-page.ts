import type { Program } from './program.ts';

/** The address at which a program says that it serves a page for those who watch. */
export function findPage(program: Program, path: '/livez' | '/readyz' | '/metrics'): string {
  const line = program
    .output()
    .stdout.split('\n')
    .find((one) => one.includes(path));
  return `${/at (http:\S+)/.exec(line ?? '')?.[1]}${path}`;
}
