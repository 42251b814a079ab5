/**
 * Ψ: a pose becomes a mannequin of geometric primitives.
 *
 * The same file as `src/mizaru/proxy/psi.py`, held to the same numbers by `golden.json`. Keep the
 * two in step, line by line. Coordinates: u as a fraction of the image's width, v and every radius
 * as fractions of its height. Inside, lengths are fractions of the height (x = u · aspect).
 */
import * as body from './body';
import { paint } from './paint';

export type Point = readonly [number, number];

export type Part =
  | 'shadow'
  | 'foot'
  | 'shank'
  | 'thigh'
  | 'torso'
  | 'pelvis'
  | 'neck'
  | 'upper_arm'
  | 'forearm'
  | 'hand'
  | 'head'
  | 'visor';

export interface Primitive {
  /** `capsule`: the hull of two circles; `polygon`: rounded; `ellipse`. */
  readonly shape: 'capsule' | 'polygon' | 'ellipse';
  readonly part: Part;
  /** (u, v): two ends of a capsule; corners of a polygon; middle of an ellipse. */
  readonly points: readonly Point[];
  /** At both ends of a capsule; the rounding of a polygon; half axes of an ellipse. */
  readonly radii: readonly number[];
  /** Of an ellipse's first axis, radians, clockwise from the image's right. */
  readonly angle: number;
  readonly opacity: number;
}

export interface Head {
  readonly yaw: number;
  readonly pitch: number;
  readonly roll: number;
}

/** One subject's canonical pose: 17 rows (u, v, confidence) in COCO order. */
export interface ProxyPose {
  readonly id: number;
  readonly keypoints: readonly (readonly number[])[];
  readonly head?: Head | null | undefined;
}

export type Rgb = readonly [number, number, number];

/** One colour per slot. */
export const PALETTE: readonly Rgb[] = [
  [94, 170, 168],
  [232, 164, 92],
  [140, 132, 208],
  [222, 124, 116],
  [112, 162, 222],
  [168, 188, 96],
  [206, 132, 178],
  [150, 162, 176],
];

export interface DrawOptions {
  /** A colour for a subject instead of its slot's, e.g. to mark who is in danger. */
  readonly colour?: (id: number) => Rgb | undefined;
}

const R = {
  ankle: 0.019,
  knee: 0.029,
  hip: 0.043,
  wrist: 0.015,
  elbow: 0.021,
  shoulder: 0.027,
  neck: 0.026,
  toe: 0.021,
  hand: 0.021,
  chest: 0.03,
  pelvis: 0.036,
} as const;
const NOSE = 0;
const L_EAR = 3;
const R_EAR = 4;
const L_SHOULDER = 5;
const R_SHOULDER = 6;
const L_HIP = 11;
const R_HIP = 12;
const FULL_CONFIDENCE = 2 / 3;
const FACE_FRONT = -0.1;
const RIM = 16;

/** Ψ. The mannequin of one pose, the farthest primitive first: draw in order. */
export function primitives(pose: ProxyPose, aspect: number): readonly Primitive[] {
  const figure = new Figure(pose, aspect);
  if (figure.scale <= 0) return [];
  const arms = figure.farFirst('arm').flatMap((side) => figure.arm(side));
  const legs = figure.farFirst('leg').flatMap((side) => figure.leg(side));
  const trunk = figure.trunk();
  const head = figure.head();
  return figure.facesCamera
    ? [...figure.shadow(), ...legs, ...trunk, ...head, ...arms]
    : [...figure.shadow(), ...arms, ...legs, ...trunk, ...head];
}

/** A colour slot in [0, count) for each subject, from its ephemeral id alone. */
export function slots(ids: readonly number[], count: number): readonly number[] {
  const taken = new Set<number>();
  const slotOf = new Map<number, number>();
  for (const id of [...ids].sort((a, b) => a - b)) {
    let slot = id % count;
    while (taken.has(slot) && taken.size < count) slot = (slot + 1) % count;
    taken.add(slot);
    slotOf.set(id, slot);
  }
  return ids.map((id) => slotOf.get(id) ?? 0);
}

/** Draws poses, the farthest first, over what the canvas holds. Sizes in canvas units. */
export function draw(
  ctx: CanvasRenderingContext2D,
  poses: readonly ProxyPose[],
  width: number,
  height: number,
  options: DrawOptions = {},
): void {
  const slotOf = slots(
    poses.map((pose) => pose.id),
    PALETTE.length,
  );
  poses.forEach((pose, index) => {
    const slot = slotOf[index] ?? 0;
    const rgb = options.colour?.(pose.id) ?? PALETTE[slot] ?? [150, 162, 176];
    for (const primitive of primitives(pose, width / height)) {
      paint(ctx, primitive, rgb, width, height);
    }
  });
}

class Figure {
  readonly scale: number;
  readonly facesCamera: boolean;
  private readonly xy: readonly Point[];
  private readonly rho: readonly number[];
  private readonly orientation: Head | null;
  private readonly unit: number;
  private readonly facing: Point;

  constructor(
    pose: ProxyPose,
    private readonly aspect: number,
  ) {
    this.xy = pose.keypoints.map(([u, v]) => [(u ?? 0) * aspect, v ?? 0]);
    this.rho = pose.keypoints.map((row) => Math.max(0, Math.min(1, row[2] ?? 0)));
    this.orientation = pose.head ?? null;
    this.scale = this.findScale();
    this.unit = this.scale * body.STATURE;
    this.facesCamera = this.findFront();
    this.facing = this.findFacing();
  }

  private seen(...joints: number[]): boolean {
    return joints.every((j) => (this.rho[j] ?? 0) > 0);
  }

  private at(joint: number): Point {
    return this.xy[joint] ?? [0, 0];
  }

  private opacity(...joints: number[]): number {
    const least = Math.min(...joints.map((j) => this.rho[j] ?? 0));
    return Math.min(1, 0.4 + (0.6 * least) / FULL_CONFIDENCE);
  }

  private middle(a: number, b: number): Point | null {
    if (this.seen(a, b)) return lerp(this.at(a), this.at(b), 0.5);
    if (this.seen(a)) return this.at(a);
    return this.seen(b) ? this.at(b) : null;
  }

  private findScale(): number {
    const ratios = body.BONES.filter(([a, b, length]) => this.seen(a, b) && length > 0.2).map(
      ([a, b, length]) => distance(this.at(a), this.at(b)) / length,
    );
    const shoulders = this.middle(L_SHOULDER, R_SHOULDER);
    const hips = this.middle(L_HIP, R_HIP);
    const ears = this.middle(L_EAR, R_EAR);
    if (this.seen(5, 6, 11, 12) && shoulders && hips) {
      ratios.push(distance(shoulders, hips) / body.TRUNK);
    }
    if (this.seen(3, 4, 5, 6) && ears && shoulders) {
      ratios.push(distance(ears, shoulders) / body.NECK);
    }
    if (ratios.length === 0 && this.seen(L_EAR, R_EAR)) {
      ratios.push(distance(this.at(L_EAR), this.at(R_EAR)) / (0.082 * body.STATURE));
    }
    const best = ratios.sort((a, b) => b - a).slice(0, 2);
    return best.length > 0 ? best.reduce((sum, ratio) => sum + ratio, 0) / best.length : 0;
  }

  private findFront(): boolean {
    for (const [left, right] of [
      [L_SHOULDER, R_SHOULDER],
      [L_HIP, R_HIP],
    ] as const) {
      if (this.seen(left, right)) {
        const across = this.at(left)[0] - this.at(right)[0];
        if (Math.abs(across) > 0.03 * this.unit) return across > 0;
      }
    }
    return this.orientation === null || Math.abs(this.orientation.yaw) <= 100;
  }

  private findFacing(): Point {
    if (this.orientation !== null) {
      const yaw = radians(this.orientation.yaw);
      return [Math.sin(yaw), 0.35 * Math.cos(yaw)];
    }
    const y = this.facesCamera ? 0.35 : -0.35;
    const ears = this.middle(L_EAR, R_EAR);
    if (ears === null || !this.seen(NOSE) || this.unit <= 0) return [0, y];
    const x = (this.at(NOSE)[0] - ears[0]) / (0.058 * this.unit);
    return [Math.max(-1, Math.min(1, x)), y];
  }

  /** Sides (0 left, 1 right), the less visible one first: it is the farther. */
  farFirst(limb: 'arm' | 'leg'): readonly number[] {
    const rows = limb === 'arm' ? [7, 9] : [13, 15];
    const of = (side: number) => rows.reduce((sum, row) => sum + (this.rho[row + side] ?? 0), 0);
    return of(0) < of(1) ? [0, 1] : [1, 0];
  }

  private out(point: Point): Point {
    return [point[0] / this.aspect, point[1]];
  }

  private capsule(
    part: Part,
    a: Point,
    b: Point,
    ra: number,
    rb: number,
    opacity: number,
  ): Primitive {
    const points = [this.out(a), this.out(b)];
    return {
      shape: 'capsule',
      part,
      points,
      radii: [ra * this.unit, rb * this.unit],
      angle: 0,
      opacity,
    };
  }

  private polygon(part: Part, corners: readonly Point[], radius: number, opacity: number) {
    const points = corners.map((corner) => this.out(corner));
    const radii = [radius * this.unit];
    return { shape: 'polygon', part, points, radii, angle: 0, opacity } as const;
  }

  arm(side: number): Primitive[] {
    const [shoulder, elbow, wrist] = [5 + side, 7 + side, 9 + side];
    const parts: Primitive[] = [];
    if (this.seen(shoulder, elbow)) {
      const [a, b] = [this.at(shoulder), this.at(elbow)];
      parts.push(this.capsule('upper_arm', a, b, R.shoulder, R.elbow, this.opacity(elbow)));
    }
    if (this.seen(elbow, wrist)) {
      const [a, b] = [this.at(elbow), this.at(wrist)];
      const opacity = this.opacity(elbow, wrist);
      const palm = lerp(a, b, 1 + (0.55 * body.HAND) / body.FOREARM);
      parts.push(this.capsule('hand', b, palm, R.wrist, R.hand, opacity));
      parts.push(this.capsule('forearm', a, b, R.elbow, R.wrist, opacity));
    }
    return parts;
  }

  leg(side: number): Primitive[] {
    const [hip, knee, ankle] = [11 + side, 13 + side, 15 + side];
    const parts: Primitive[] = [];
    if (this.seen(knee, ankle)) {
      const [a, b] = [this.at(knee), this.at(ankle)];
      const opacity = this.opacity(knee, ankle);
      parts.push(this.foot(side, a, b, opacity));
      parts.push(this.capsule('shank', a, b, R.knee, R.ankle, opacity));
    }
    if (this.seen(hip, knee)) {
      const [a, b] = [this.at(hip), this.at(knee)];
      parts.push(this.capsule('thigh', a, b, R.hip, R.knee, this.opacity(knee)));
    }
    return parts;
  }

  /** Heel to toe: along the facing, held at a right angle to the shin of who lies. */
  private foot(side: number, knee: Point, ankle: Point, opacity: number): Primitive {
    const length = body.SHANK * this.scale;
    const shin: Point = [(ankle[0] - knee[0]) / length, (ankle[1] - knee[1]) / length];
    const upright = Math.max(0, Math.min(1, shin[1]));
    const splay = (side === 0 ? 0.22 : -0.22) * (this.facing[1] / 0.35);
    const flat: Point = [this.facing[0] + splay, this.facing[1] + 0.22];
    const up: Point = [-0.35 * Math.abs(shin[1]) + 0.35 * shin[0], -0.75 + 0.35 * shin[1]];
    const dx = upright * flat[0] + (1 - upright) * up[0];
    const dy = upright * flat[1] + (1 - upright) * up[1];
    const drop = 0.008 * this.unit;
    const heel: Point = [ankle[0] + shin[0] * drop, ankle[1] + shin[1] * drop];
    const reach = 0.66 * body.FOOT * this.scale;
    const toe: Point = [heel[0] + dx * reach, heel[1] + dy * reach];
    return this.capsule('foot', heel, toe, R.ankle, R.toe, opacity);
  }

  /** Neck, pelvis and chest; the corners of each polygon lie as left, right, right, left. */
  trunk(): Primitive[] {
    if (!this.seen(L_SHOULDER, R_SHOULDER)) return [];
    const [left, right] = [this.at(L_SHOULDER), this.at(R_SHOULDER)];
    const middle = lerp(left, right, 0.5);
    let opacity = this.opacity(L_SHOULDER, R_SHOULDER);
    const parts: Primitive[] = [];
    let collar = middle;
    const ears = this.headMiddle();
    if (ears !== null) {
      const [a, b] = [lerp(middle, ears, -0.15), lerp(middle, ears, 0.75)];
      parts.push(this.capsule('neck', a, b, R.neck * 1.3, R.neck, opacity));
      collar = lerp(middle, ears, 0.2);
    }
    const top = [lerp(collar, left, 0.3), lerp(collar, right, 0.3)];
    if (!this.seen(L_HIP, R_HIP)) {
      const corners = [...top, lerp(middle, right, 0.92), lerp(middle, left, 0.92)];
      return [...parts, this.polygon('torso', corners, R.chest, opacity)];
    }
    const [lHip, rHip] = [this.at(L_HIP), this.at(R_HIP)];
    opacity = Math.min(opacity, this.opacity(L_HIP, R_HIP));
    const hips = lerp(lHip, rHip, 0.5);
    const waist = lerp(middle, hips, 0.64);
    const lWaist = lerp(waist, lerp(left, lHip, 0.64), 0.8);
    const rWaist = lerp(waist, lerp(right, rHip, 0.64), 0.8);
    const lArm = lerp(waist, lerp(left, lHip, 0.05), 0.97);
    const rArm = lerp(waist, lerp(right, rHip, 0.05), 0.97);
    parts.push(this.polygon('pelvis', [lWaist, rWaist, rHip, lHip], R.pelvis, opacity));
    parts.push(this.polygon('torso', [...top, rArm, rWaist, lWaist, lArm], R.chest, opacity));
    return parts;
  }

  /** Middle of the ears, or the nose where no ear was seen. */
  private headMiddle(): Point | null {
    const ears = this.middle(L_EAR, R_EAR);
    return ears === null && this.seen(NOSE) ? this.at(NOSE) : ears;
  }

  head(): Primitive[] {
    const ears = this.headMiddle();
    if (ears === null) return [];
    const shoulders = this.middle(L_SHOULDER, R_SHOULDER);
    const best = Math.max(...[NOSE, L_EAR, R_EAR].map((j) => this.rho[j] ?? 0));
    const opacity = Math.min(1, 0.4 + (0.6 * best) / FULL_CONFIDENCE);
    let up: Point = [0, -1];
    if (this.orientation !== null) {
      const roll = radians(this.orientation.roll);
      up = [Math.sin(roll), -Math.cos(roll)];
    } else if (shoulders !== null) {
      const span = distance(ears, shoulders);
      if (span > 0.3 * body.NECK * this.scale) {
        up = [(ears[0] - shoulders[0]) / span, (ears[1] - shoulders[1]) / span];
      }
    }
    const lift = 0.008 * this.unit;
    const middle: Point = [ears[0] + up[0] * lift, ears[1] + up[1] * lift];
    const radii = [body.HEAD_BREADTH * this.scale, body.HEAD_HEIGHT * this.scale];
    const angle = Math.atan2(up[0], -up[1]);
    const head: Primitive = {
      shape: 'ellipse',
      part: 'head',
      points: [this.out(middle)],
      radii,
      angle,
      opacity,
    };
    const visor = this.visor(middle, angle, opacity);
    return visor === null ? [head] : [head, visor];
  }

  /** A band across the face, so that one sees where the mannequin looks. */
  private visor(middle: Point, angle: number, opacity: number): Primitive | null {
    const orientation = this.orientation ?? this.guess(middle);
    if (orientation === null) return null;
    const [yaw, pitch] = [radians(orientation.yaw), radians(orientation.pitch)];
    const rx = 0.92 * body.HEAD_BREADTH * this.scale;
    const ry = 0.92 * body.HEAD_HEIGHT * this.scale;
    const rim = Array.from({ length: RIM }, (_, k) => {
      const turn = (2 * Math.PI * k) / RIM;
      const azimuth = 0.8 * Math.cos(turn);
      const elevation = 0.1 + 0.24 * Math.sin(turn);
      const x = Math.sin(azimuth) * Math.cos(elevation);
      const y = -Math.sin(elevation);
      const z = -Math.cos(azimuth) * Math.cos(elevation);
      const tilted = z * Math.cos(pitch) - y * Math.sin(pitch);
      return [
        x * Math.cos(yaw) - tilted * Math.sin(yaw),
        y * Math.cos(pitch) + z * Math.sin(pitch),
        tilted * Math.cos(yaw) + x * Math.sin(yaw),
      ] as const;
    });
    if (Math.min(...rim.map(([, , z]) => z)) > FACE_FRONT) return null;
    const corners = rim.map(([x, y, z]): Point => {
      // What is behind the head slides to its silhouette.
      const shrink = z > 0 ? 1 / (Math.hypot(x, y) || 1) : 1;
      const [dx, dy] = [x * shrink * rx, y * shrink * ry];
      return [
        middle[0] + dx * Math.cos(angle) - dy * Math.sin(angle),
        middle[1] + dx * Math.sin(angle) + dy * Math.cos(angle),
      ];
    });
    return this.polygon('visor', corners, 0.004, opacity);
  }

  /** Yaw from the nose, where no head orientation is known. */
  private guess(middle: Point): Head | null {
    if (!this.seen(NOSE) || !(this.seen(L_EAR) || this.seen(R_EAR))) return null;
    const x = (this.at(NOSE)[0] - middle[0]) / (0.058 * this.unit);
    const yaw = (Math.asin(Math.max(-1, Math.min(1, x))) * 180) / Math.PI;
    const facing = !this.seen(L_EAR, R_EAR) || this.at(L_EAR)[0] >= this.at(R_EAR)[0];
    return { yaw: facing ? yaw : yaw > 0 ? 180 - yaw : -180 - yaw, pitch: 0, roll: 0 };
  }

  /** A soft ellipse under whatever is lowest, which sets the mannequin on the floor. */
  shadow(): Primitive[] {
    if (!this.seen(L_HIP) && !this.seen(R_HIP)) return [];
    const rows = this.xy.filter((_, j) => j >= 5 && this.seen(j));
    const floor = Math.max(...rows.map(([, y]) => y));
    const low = rows.filter(([, y]) => y > floor - 0.12 * this.unit);
    const x0 = Math.min(...low.map(([x]) => x));
    const x1 = Math.max(...low.map(([x]) => x));
    const depth = (floor - Math.min(...low.map(([, y]) => y))) * 0.5;
    const middle: Point = [(x0 + x1) / 2, floor - depth + 0.012 * this.unit];
    return [
      {
        shape: 'ellipse',
        part: 'shadow',
        points: [this.out(middle)],
        radii: [(x1 - x0) / 2 + 0.085 * this.unit, depth + 0.032 * this.unit],
        angle: 0,
        opacity: 0.35,
      },
    ];
  }
}

function lerp(a: Point, b: Point, t: number): Point {
  return [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t];
}

function distance(a: Point, b: Point): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1]);
}

function radians(degrees: number): number {
  return (degrees * Math.PI) / 180;
}
