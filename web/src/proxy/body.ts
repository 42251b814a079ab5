/** The canonical body, see `src/mizaru/proxy/body.py` (Drillis & Contini 1966). Metres. */
export const STATURE = 1.7;

export const THIGH = 0.245 * STATURE;
export const SHANK = 0.246 * STATURE;
export const UPPER_ARM = 0.186 * STATURE;
export const FOREARM = 0.146 * STATURE;
export const TRUNK = (0.818 - 0.53) * STATURE;
export const NECK = (0.93 - 0.818) * STATURE;
export const SHOULDERS = (0.259 - 2 * 0.027) * STATURE;
export const HIPS = (0.191 - 2 * 0.043) * STATURE;
export const FOOT = 0.152 * STATURE;
export const HAND = 0.108 * STATURE;
export const HEAD_BREADTH = 0.044 * STATURE;
export const HEAD_HEIGHT = 0.066 * STATURE;

/** (parent, child, length) between rows of COCO17. */
export const BONES: readonly (readonly [number, number, number])[] = [
  [5, 7, UPPER_ARM],
  [6, 8, UPPER_ARM],
  [7, 9, FOREARM],
  [8, 10, FOREARM],
  [11, 13, THIGH],
  [12, 14, THIGH],
  [13, 15, SHANK],
  [14, 16, SHANK],
  [5, 6, SHOULDERS],
  [11, 12, HIPS],
];
