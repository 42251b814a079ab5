import { expect, it } from 'vitest';
import { type Box, placeLabels } from './labels';

const box = (x: number, y: number): Box => ({ x, y, width: 100, height: 20 });

function overlaps(a: Box, b: Box): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

it('leaves a label alone that has room', () => {
  expect(placeLabels([box(50, 50)], 640, 360)).toEqual([box(50, 50)]);
});

it('keeps labels inside the picture', () => {
  for (const { x, y } of placeLabels([box(-30, -30), box(600, 355)], 640, 360)) {
    expect(x).toBeGreaterThanOrEqual(0);
    expect(x).toBeLessThanOrEqual(540);
    expect(y).toBeGreaterThanOrEqual(0);
    expect(y).toBeLessThanOrEqual(340);
  }
});

it('moves the less important of two, and none over another', () => {
  const placed = placeLabels(
    Array.from({ length: 8 }, (_, i) => box(200 + i, 100)),
    640,
    360,
  );
  expect(placed[0]).toEqual(box(200, 100));
  placed.forEach((a, i) => {
    placed.forEach((b, j) => {
      if (i < j) expect(overlaps(a, b)).toBe(false);
    });
  });
});
