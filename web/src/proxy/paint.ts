/** Paints one primitive on a canvas, shaded like `src/mizaru/proxy/raster.py`. */
import type { Part, Point, Primitive, Rgb } from './psi';

const VISOR: Rgb = [38, 44, 54];
const LIGHT = [-0.42, -0.58, 0.7] as const;
const AMBIENT = 0.5;
const PART_GAIN: Partial<Record<Part, number>> = { pelvis: 0.9, neck: 0.86, foot: 0.8, head: 1.06 };
const STOPS = [-1, -0.75, -0.4, 0, 0.4, 0.75, 1] as const;

export function paint(
  ctx: CanvasRenderingContext2D,
  primitive: Primitive,
  rgb: Rgb,
  width: number,
  height: number,
): void {
  const points = primitive.points.map(([u, v]): Point => [u * width, v * height]);
  const radii = primitive.radii.map((radius) => radius * height);
  const gain = PART_GAIN[primitive.part] ?? 1;
  const base: Rgb = [rgb[0] * gain, rgb[1] * gain, rgb[2] * gain];
  ctx.save();
  ctx.globalAlpha *= primitive.opacity;
  if (primitive.part === 'shadow') shadow(ctx, points, radii);
  else if (primitive.shape === 'capsule') capsule(ctx, points, radii, base);
  else if (primitive.shape === 'ellipse') ellipse(ctx, points, radii, primitive.angle, base);
  else polygon(ctx, points, radii, primitive.part === 'visor' ? null : base);
  ctx.restore();
}

/** Lambert over a rounded surface with the normal (nx, ny, √(1 − nx² − ny²)). */
function shade(rgb: Rgb, nx: number, ny: number): string {
  const nz = Math.sqrt(Math.max(0, 1 - nx * nx - ny * ny));
  const light = Math.max(0, Math.min(1, nx * LIGHT[0] + ny * LIGHT[1] + nz * LIGHT[2]));
  const level = (AMBIENT + 0.72 * light) * (0.8 + 0.2 * nz);
  const [r, g, b] = rgb.map((value) => Math.round(Math.max(0, Math.min(255, value * level))));
  return `rgb(${r} ${g} ${b})`;
}

/** Shaded like a cylinder: across is the unit vector over its width. */
function cylinder(
  ctx: CanvasRenderingContext2D,
  middle: Point,
  across: Point,
  reach: number,
  rgb: Rgb,
  roundness = 1,
): CanvasGradient {
  const gradient = ctx.createLinearGradient(
    middle[0] - across[0] * reach,
    middle[1] - across[1] * reach,
    middle[0] + across[0] * reach,
    middle[1] + across[1] * reach,
  );
  for (const t of STOPS) {
    const n = t * roundness;
    gradient.addColorStop((t + 1) / 2, shade(rgb, n * across[0], n * across[1]));
  }
  return gradient;
}

/** Shaded like a ball. */
function ball(ctx: CanvasRenderingContext2D, x: number, y: number, radius: number, rgb: Rgb) {
  const [lx, ly] = [x + LIGHT[0] * radius * 0.6, y + LIGHT[1] * radius * 0.6];
  const gradient = ctx.createRadialGradient(lx, ly, 0, x, y, radius);
  const length = Math.hypot(LIGHT[0], LIGHT[1]);
  for (const t of [0, 0.35, 0.7, 1]) {
    // From the brightest point of the ball to its dark rim.
    const n = -0.6 + 1.6 * t;
    gradient.addColorStop(t, shade(rgb, (-n * LIGHT[0]) / length, (-n * LIGHT[1]) / length));
  }
  return gradient;
}

function capsule(
  ctx: CanvasRenderingContext2D,
  points: readonly Point[],
  radii: readonly number[],
  rgb: Rgb,
): void {
  const [[ax, ay] = [0, 0], [bx, by] = [0, 0]] = points;
  const [ra = 0, rb = 0] = radii;
  const length = Math.hypot(bx - ax, by - ay);
  const reach = Math.max(ra, rb);
  ctx.beginPath();
  if (length <= Math.abs(ra - rb) + 1e-6) {
    const [x, y] = ra >= rb ? [ax, ay] : [bx, by];
    ctx.arc(x, y, reach, 0, 2 * Math.PI);
    ctx.fillStyle = ball(ctx, x, y, reach, rgb);
    ctx.fill();
    return;
  }
  const heading = Math.atan2(by - ay, bx - ax);
  const open = Math.acos((ra - rb) / length);
  ctx.arc(ax, ay, ra, heading + open, heading + 2 * Math.PI - open);
  ctx.arc(bx, by, rb, heading - open, heading + open);
  ctx.closePath();
  const across: Point = [-(by - ay) / length, (bx - ax) / length];
  ctx.fillStyle = cylinder(ctx, [ax, ay], across, reach, rgb);
  ctx.fill();
}

function polygon(
  ctx: CanvasRenderingContext2D,
  points: readonly Point[],
  radii: readonly number[],
  rgb: Rgb | null,
): void {
  const rounding = radii[0] ?? 0;
  if (rgb === null) {
    ctx.fillStyle = `rgb(${VISOR[0]} ${VISOR[1]} ${VISOR[2]})`;
  } else {
    const { middle, across, reach } = bulge(points, rounding);
    ctx.fillStyle = cylinder(ctx, middle, across, reach, rgb, 0.92);
  }
  ctx.beginPath();
  for (const [x, y] of points) ctx.lineTo(x, y);
  ctx.closePath();
  ctx.fill();
  ctx.strokeStyle = ctx.fillStyle;
  ctx.lineJoin = 'round';
  ctx.lineWidth = 2 * rounding;
  ctx.stroke();
}

/** The unit vector across a trunk, and its half width; see `bulge` in raster.py. */
function bulge(points: readonly Point[], rounding: number) {
  const half = Math.floor(points.length / 2);
  const middle = mean(points);
  const [top, bottom] = [mean(points.slice(0, 2)), mean(points.slice(half, half + 2))];
  const [dx, dy] = [bottom[0] - top[0], bottom[1] - top[1]];
  const length = Math.hypot(dx, dy);
  const across: Point = length > 1e-3 ? [-dy / length, dx / length] : [1, 0];
  const far = points.map(([x, y]) =>
    Math.abs((x - middle[0]) * across[0] + (y - middle[1]) * across[1]),
  );
  return { middle, across, reach: Math.max(Math.max(...far) + rounding, 1e-3) };
}

function ellipse(
  ctx: CanvasRenderingContext2D,
  points: readonly Point[],
  radii: readonly number[],
  angle: number,
  rgb: Rgb,
): void {
  const [[x, y] = [0, 0]] = points;
  const [rx = 0, ry = 0] = radii;
  ctx.beginPath();
  ctx.ellipse(x, y, rx, ry, angle, 0, 2 * Math.PI);
  ctx.fillStyle = ball(ctx, x, y, Math.max(rx, ry), rgb);
  ctx.fill();
}

function shadow(
  ctx: CanvasRenderingContext2D,
  points: readonly Point[],
  radii: readonly number[],
): void {
  const [[x, y] = [0, 0]] = points;
  const [rx = 1, ry = 1] = radii;
  ctx.translate(x, y);
  ctx.scale(1, ry / rx);
  const gradient = ctx.createRadialGradient(0, 0, 0, 0, 0, rx);
  gradient.addColorStop(0, 'rgb(0 0 0 / 1)');
  gradient.addColorStop(0.5, 'rgb(0 0 0 / 0.6)');
  gradient.addColorStop(1, 'rgb(0 0 0 / 0)');
  ctx.fillStyle = gradient;
  ctx.beginPath();
  ctx.arc(0, 0, rx, 0, 2 * Math.PI);
  ctx.fill();
}

function mean(points: readonly Point[]): Point {
  const sum = points.reduce<Point>((s, p) => [s[0] + p[0], s[1] + p[1]], [0, 0]);
  return [sum[0] / points.length, sum[1] / points.length];
}
