import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const SOURCES = new URL('../../src/', import.meta.url);
const COMMANDS = ['start', 'generate', 'extract'].map((name) => new URL(`main/${name}-command.ts`, SOURCES));
/** Matches imports, re-exports and calls of `import`. Types do not exist at run time. */
const IMPORT = /^(?:import|export) (?!type )[^;]*?from '([^']+)';|\bimport\('([^']+)'\)/gm;

/** Collects every package, and every file of ours, that runs in the same process as `entries`. */
function collectImports(...entries: URL[]): { packages: Set<string>; files: Set<string> } {
  const packages = new Set<string>();
  const files = new Set<string>();
  const open = entries.map(({ href }) => href);
  for (let href = open.pop(); href !== undefined; href = open.pop()) {
    if (files.has(href)) continue;
    files.add(href);
    for (const [, declared, called] of readFileSync(new URL(href), 'utf8').matchAll(IMPORT)) {
      const name = declared ?? called ?? '';
      if (name.startsWith('.')) open.push(new URL(name, href).href);
      else packages.add(name);
    }
  }
  return { packages, files };
}

test('loads image decoders only in processes without secrets, and never in the program', () => {
  const { packages, files } = collectImports(...COMMANDS);
  // Shows that the search follows the program's imports.
  expect([...packages]).toEqual(expect.arrayContaining(['pg', 'fastify', 'openai']));
  expect([...files].some((file) => file.endsWith('/images/image-decoder.ts'))).toBe(true);
  for (const name of ['sharp', '@huggingface/transformers']) expect([...packages]).not.toContain(name);
  const decoding = collectImports(new URL('adapters/images/decode-image-process.ts', SOURCES));
  expect([...decoding.packages]).toContain('sharp');
  for (const name of ['pg', 'openai', 'undici']) expect([...decoding.packages]).not.toContain(name);
});
