import { expect, it } from 'vitest';
import golden from './golden.json';
import type { ProxyPose } from './psi';
import { draw, PALETTE, primitives, slots } from './psi';

it('knows as many golden poses as the Python side wrote', () => {
  expect(golden.length).toBeGreaterThanOrEqual(8);
});

it.each(golden)('draws $name from the same primitives as Python', ({ pose, aspect, expected }) => {
  const drawn = primitives(pose, aspect);
  expect(drawn.map(({ shape, part }) => [shape, part])).toEqual(
    expected.map(({ shape, part }) => [shape, part]),
  );
  drawn.forEach((primitive, index) => {
    const numbers = (p: Pick<typeof primitive, 'points' | 'radii' | 'angle' | 'opacity'>) => [
      ...p.points.flat(),
      ...p.radii,
      p.angle,
      p.opacity,
    ];
    const wanted = expected[index] as unknown as typeof primitive;
    const got = numbers(primitive);
    expect(got.length).toBe(numbers(wanted).length);
    numbers(wanted).forEach((value, k) => {
      expect(got[k]).toBeCloseTo(value, 6);
    });
  });
});

it('gives each subject its own colour and keeps it while the others come and go', () => {
  expect(slots([3, 11], 8)).toEqual([3, 4]);
  expect(slots([11, 3], 8)).toEqual([4, 3]);
  expect(new Set(slots([8, 16, 24, 32, 40, 48, 56, 64], 8)).size).toBe(8);
});

it('draws a scene with the colours asked for', () => {
  const fills: string[] = [];
  const gradient = { addColorStop: (_: number, colour: string) => fills.push(colour) };
  const ctx = new Proxy({} as CanvasRenderingContext2D, {
    get: (_, key) => (String(key).startsWith('create') ? () => gradient : () => undefined),
    set: () => true,
  });
  const poses: ProxyPose[] = golden.map(({ pose }) => pose);
  draw(ctx, poses, 640, 360, { colour: () => [0, 0, 255] });
  expect(fills.some((fill) => /^rgb\(0 0 [1-9]/.test(fill))).toBe(true);
  expect(fills.every((fill) => /^rgb\(0 0 /.test(fill))).toBe(true);
  expect(PALETTE.length).toBe(8);
});
