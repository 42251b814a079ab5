import { describe, expect, it } from 'vitest';
import { aScene, aSubject } from '../testing';
import { interpolate, LONGEST_DELAY_MS, mixAngle, Playout } from './playout';

function u(scene: ReturnType<Playout['sample']>): number | undefined {
  return scene?.subjects[0]?.keypoints[0]?.[0];
}

/** Scenes each 100 ms, arriving five at a time when the last is made; u is seconds / 10. */
function burst(playout: Playout, index: number, arrived: number): void {
  for (let k = 0; k < 5; k += 1) {
    const ms = index * 500 + k * 100;
    playout.push(aScene(ms, [aSubject(1, ms / 10_000)]), arrived);
  }
}

describe('Playout', () => {
  it('shows nothing before the first scene', () => {
    expect(new Playout().sample(0)).toBeNull();
  });

  it('turns bursts into even movement', () => {
    const playout = new Playout();
    const shown: number[] = [];
    for (let now = 0; now < 5000; now += 16) {
      if (now >= 500 && now % 500 < 16) burst(playout, Math.floor(now / 500) - 1, now);
      if (now > 2000) shown.push(u(playout.sample(now)) ?? Number.NaN);
    }
    const steps = shown.slice(1).map((value, i) => value - (shown[i] ?? 0));
    // 16 ms are 0.0016; a jump from scene to scene would be 0.01, from burst to burst 0.05.
    expect(Math.min(...steps)).toBeGreaterThan(0.0012);
    expect(Math.max(...steps)).toBeLessThan(0.002);
  });

  it('never goes back', () => {
    const playout = new Playout();
    burst(playout, 0, 0);
    burst(playout, 1, 500);
    const before = u(playout.sample(900)) ?? 0;
    burst(playout, 2, 1900); // late: the delay grows
    expect(u(playout.sample(1916))).toBeGreaterThanOrEqual(before);
  });

  it('holds the last scene when nothing more comes', () => {
    const playout = new Playout();
    burst(playout, 0, 0);
    expect(u(playout.sample(60_000))).toBeCloseTo(0.04);
  });

  it('skips along with a source that is faster than real time', () => {
    const playout = new Playout();
    for (let i = 0; i < 40; i += 1) burst(playout, i, i * 50);
    const latest = (39 * 500 + 400) / 10_000;
    expect(latest - (u(playout.sample(39 * 50)) ?? 0)).toBeLessThanOrEqual(
      LONGEST_DELAY_MS / 10_000 + 1e-9,
    );
  });

  it('leaves out what was said twice and starts over with a new stream', () => {
    const playout = new Playout();
    playout.push(aScene(10_000, [aSubject(1, 0.9)]), 0);
    playout.push(aScene(9_900, [aSubject(1, 0.1)]), 10);
    expect(u(playout.sample(5000))).toBe(0.9);
    playout.push(aScene(0, [aSubject(2, 0.2)]), 20);
    expect(u(playout.sample(5000))).toBe(0.2);
  });

  it('does not invent movement across a gap', () => {
    const playout = new Playout();
    playout.push(aScene(0, [aSubject(1, 0.1)]), 0);
    playout.push(aScene(1200, [aSubject(1, 0.9)]), 1200);
    for (let now = 0; now < 4000; now += 50) expect([0.1, 0.9]).toContain(u(playout.sample(now)));
  });
});

describe('interpolate', () => {
  it('moves each subject by its id, not by its place in the order', () => {
    const a = aScene(0, [aSubject(1, 0.1), aSubject(2, 0.5)]);
    const b = aScene(100, [aSubject(2, 0.7), aSubject(1, 0.3)]);
    const middle = interpolate(a, b, 0.5).subjects;
    expect(middle.map(({ id }) => id)).toEqual([1, 2]);
    expect(middle[0]?.keypoints[0]?.[0]).toBeCloseTo(0.2);
    expect(middle[1]?.keypoints[0]?.[0]).toBeCloseTo(0.6);
    expect(middle[1]?.box_xyxy[0]).toBeCloseTo(0.55);
  });

  it('keeps who leaves until the next scene, and shows who comes only then', () => {
    const a = aScene(0, [aSubject(1, 0.1)]);
    const b = aScene(100, [aSubject(2, 0.7)]);
    expect(interpolate(a, b, 0.9).subjects.map(({ id }) => id)).toEqual([1]);
    expect(interpolate(a, b, 1).subjects.map(({ id }) => id)).toEqual([2]);
  });

  it('never draws a line to a keypoint that was not seen', () => {
    const unseen = aSubject(1, 0.1, {
      keypoints: Array.from({ length: 17 }, () => [0, 0, 0] as [number, number, number]),
    });
    const middle = interpolate(aScene(0, [unseen]), aScene(100, [aSubject(1, 0.8)]), 0.4);
    expect(middle.subjects[0]?.keypoints[0]).toEqual([0, 0, 0]);
  });

  it('is the same scene when nobody is there, so that nothing is drawn anew', () => {
    const a = aScene(0);
    expect(interpolate(a, aScene(100), 0.5)).toBe(a);
  });
});

it.each([
  [170, -170, 0.5, 180],
  [-170, 170, 0.25, -175],
  [0, 90, 0.5, 45],
  [-10, 10, 0.5, 0],
])('turns a head from %s° to %s° the shorter way', (a, b, fraction, expected) => {
  expect(Math.abs(mixAngle(a, b, fraction))).toBeCloseTo(Math.abs(expected));
});
