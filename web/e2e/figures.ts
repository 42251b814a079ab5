/** Poses of an invented person, in COCO order, for scenes that no camera ever saw. */
import type { SubjectScene } from '../src/api/types';

type Keypoints = SubjectScene['keypoints'];

/** Sideways (in body heights) and upwards from the ground, in COCO order. */
const UPRIGHT: readonly (readonly [number, number])[] = [
  [0, 0.93],
  [0.018, 0.945],
  [-0.018, 0.945],
  [0.04, 0.935],
  [-0.04, 0.935],
  [0.11, 0.81],
  [-0.11, 0.81],
  [0.14, 0.63],
  [-0.14, 0.63],
  [0.15, 0.47],
  [-0.15, 0.47],
  [0.06, 0.52],
  [-0.06, 0.52],
  [0.06, 0.28],
  [-0.06, 0.28],
  [0.06, 0.04],
  [-0.06, 0.04],
];

export interface Figure {
  /** Where the feet are. */
  readonly u: number;
  readonly v: number;
  /** Body height as a fraction of the image's height. */
  readonly height: number;
  /** 0 upright … 1 lying. */
  readonly fallen?: number;
  /** Radians of the gait. */
  readonly stride?: number;
  readonly aspect?: number;
}

export function keypoints(figure: Figure): Keypoints {
  const { u, v, height, fallen = 0, stride = 0, aspect = 16 / 9 } = figure;
  const tilt = fallen * (Math.PI / 2) * 0.95;
  return UPRIGHT.map(([side, up], row) => {
    const leg = row === 13 || row === 15 ? 1 : row === 14 || row === 16 ? -1 : 0;
    const arm = row === 9 ? -1 : row === 10 ? 1 : 0;
    const swing = Math.sin(stride) * (leg * (row > 14 ? 0.16 : 0.08) + arm * 0.09);
    const x = (side + swing) * Math.cos(tilt) + up * Math.sin(tilt);
    const y = up * Math.cos(tilt) - side * Math.sin(tilt) * 0.5 + fallen * 0.04;
    return [u + (x * height) / aspect, v - y * height, 1];
  });
}

export function subject(
  id: number,
  figure: Figure,
  behavior: SubjectScene['behavior'],
  confidence: number,
): SubjectScene {
  const points = keypoints(figure);
  const inside = (value: number) => Math.min(1, Math.max(0, value));
  const us = points.map(([x]) => x);
  const vs = points.map(([, y]) => y);
  return {
    id,
    keypoints: points,
    head: { yaw: 30, pitch: 0, roll: (figure.fallen ?? 0) * 85 },
    box_xyxy: [
      inside(Math.min(...us)),
      inside(Math.min(...vs)),
      inside(Math.max(...us)),
      inside(Math.max(...vs)),
    ],
    behavior,
    confidence,
  };
}
