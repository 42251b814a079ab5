import { expect, it } from 'vitest';
import lock from '../package-lock.json?raw';

it('locks what is installed without naming a registry', () => {
  expect(lock).toContain('"integrity": "sha512-');
  expect(lock).not.toContain('"resolved"');
});
