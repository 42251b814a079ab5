import { expect, it } from 'vitest';
import openapi from '../openapi.json';
import { BEHAVIOR, RISK, SEVERITY, STATE, ZONE } from './words';

const { schemas } = openapi.components;

it.each([
  ['behaviour', BEHAVIOR, schemas.Behavior.enum],
  ['severity', SEVERITY, schemas.Severity.enum],
  ['state', STATE, schemas.CameraState.enum],
  ['zone', ZONE, schemas.ZoneKind.enum],
])('has a word for every %s of the vocabulary', (_, words, members) => {
  expect(Object.keys(words).sort()).toEqual([...members].sort());
});

it('marks only behaviours as risks', () => {
  for (const behavior of RISK) expect(schemas.Behavior.enum).toContain(behavior);
});

it('never promises what cannot be promised', () => {
  const sources = import.meta.glob<string>('./**/*.{tsx,ts}', {
    query: '?raw',
    import: 'default',
    eager: true,
  });
  for (const [path, source] of Object.entries(sources)) {
    if (path.endsWith('.test.ts')) continue;
    const words = source.replace(/anonymous (contour|frame)/g, '');
    expect(words, path).not.toMatch(/\b(impossible|anonymous|irreversible|identity removed)\b/i);
  }
});
