/** Geometry of the small chart of an incident. */
import type { IncidentTrace } from '../api/types';

export const WIDTH = 320;
export const HEIGHT = 96;
/** A subject that is missed for longer than this has a gap in its line, seconds. */
const GAP_S = 0.35;

type Point = IncidentTrace['subjects'][number]['points'][number];

export interface Scales {
  /** Seconds since the beginning, of the first and the last point. */
  readonly from: number;
  readonly to: number;
  readonly x: (s: number) => number;
  readonly y: (height: number) => number;
}

/** Time from left to right, heights so that all of them fit, higher above. */
export function across(trace: IncidentTrace): Scales {
  const points = trace.subjects.flatMap(({ points }) => points);
  const times = [0, trace.opened_s, ...points.map(({ s }) => s)];
  const heights = points.flatMap(({ head, hips }) => [head, hips]).filter((h) => h !== null);
  const [from, to] = [Math.min(...times), Math.max(...times)];
  const [low, high] = [Math.min(...heights, 1), Math.max(...heights, 0)];
  const span = Math.max(high - low, 0.1); // who only breathes does not look like falling
  const floor = HEIGHT - 18;
  return {
    from,
    to,
    x: (s) => round(4 + ((s - from) / Math.max(to - from, 0.1)) * (WIDTH - 8)),
    y: (height) => round(floor - ((height - low) / span) * (floor - 14)),
  };
}

/** The path of one line, broken where nothing was seen. */
export function line(
  points: readonly Point[],
  part: 'head' | 'hips',
  x: Scales['x'],
  y: Scales['y'],
): string {
  const steps: string[] = [];
  let last = Number.NEGATIVE_INFINITY;
  for (const point of points) {
    const height = point[part];
    if (height === null) continue;
    steps.push(`${point.s - last > GAP_S ? 'M' : 'L'}${x(point.s)} ${y(height)}`);
    last = point.s;
  }
  return steps.join('');
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
