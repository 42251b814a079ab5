import { expect, it } from 'vitest';
import type { IncidentTrace } from '../api/types';
import { across, HEIGHT, line, WIDTH } from './chart';

const fall: IncidentTrace = {
  incident: 'i',
  opened_s: 1.2,
  subjects: [
    {
      id: 1,
      points: [-1, -0.9, 0, 0.1, 2].map((s) => ({
        s,
        head: s < 0 ? 0.8 : 0.3,
        hips: s === 0 ? null : 0.25,
      })),
    },
  ],
};

it('keeps every line within the picture, time to the right and height upwards', () => {
  const { x, y, from, to } = across(fall);
  expect([from, to]).toEqual([-1, 2]);
  for (const { s, head } of fall.subjects[0]?.points ?? []) {
    expect(x(s)).toBeGreaterThanOrEqual(0);
    expect(x(s)).toBeLessThanOrEqual(WIDTH);
    expect(y(head ?? 0)).toBeGreaterThanOrEqual(0);
    expect(y(head ?? 0)).toBeLessThan(HEIGHT);
  }
  expect(x(0)).toBeLessThan(x(1.2));
  expect(y(0.8)).toBeLessThan(y(0.3));
});

it('does not draw what was not seen', () => {
  const { x, y } = across(fall);
  const path = (part: 'head' | 'hips') => line(fall.subjects[0]?.points ?? [], part, x, y);
  expect(path('head').replace(/[^ML]/g, '')).toBe('MLMLM');
  expect(path('hips').replace(/[^ML]/g, '')).toBe('MLMM');
});

it('makes nothing of breathing', () => {
  const points = [0, 0.1].map((s) => ({ s, head: 0.5 + s / 50, hips: null }));
  const { y } = across({ ...fall, subjects: [{ id: 1, points }] });
  expect(Math.abs(y(0.5) - y(0.502))).toBeLessThan(2);
});
