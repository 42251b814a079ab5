/** Builds the page for the end-to-end tests, so that they never look at an old one. */
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    page: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const outDir = fileURLToPath(new URL(`../node_modules/.e2e-${process.pid}`, import.meta.url));
  await build({ root, logLevel: 'error', build: { outDir, emptyOutDir: true } });
  project.provide('page', outDir);
  return () => rm(outDir, { recursive: true });
}
