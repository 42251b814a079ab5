/** Draws one anonymous frame: plate, zones, mannequins in occlusion order, labels. */
import type { SceneEvent, Severity, SubjectScene, Zone } from '../api/types';
import { percent, subjectName } from '../format';
import { BEHAVIOR, RISK, ZONE } from '../words';
import { type Box, placeLabels } from './labels';
import { drawMannequins } from './mannequin';

export interface Picture {
  readonly scene: SceneEvent | null;
  readonly plate: CanvasImageSource | null;
  readonly zones: readonly Zone[];
  /** Severity of the open incident that a subject belongs to. */
  readonly marked: ReadonlyMap<number, Severity>;
  readonly withPeople: boolean;
  /** Flat fill of a room that is not learnt. */
  readonly room: string;
}

const FONT = '"Inter Variable", system-ui, sans-serif';
const MARK: Record<Severity, string> = { alarm: '#c0261f', warning: '#a85d00', notice: '#1f62b0' };
const RISK_NOW = '#a85d00';
const PLAIN = 'rgb(18 28 38 / 82%)';

const OUTLINE: Record<Zone['kind'], { line: string; fill: string; dash: number[] }> = {
  intrude: { line: '#e5484d', fill: 'rgb(229 72 77 / 10%)', dash: [9, 5] },
  loiter: { line: '#e09b2d', fill: 'rgb(224 155 45 / 9%)', dash: [3, 4] },
  rest: { line: '#3b82c4', fill: 'rgb(59 130 196 / 9%)', dash: [] },
};

/** Args: ctx scaled to CSS pixels; width, height of the canvas in CSS pixels. */
export function paint(
  ctx: CanvasRenderingContext2D,
  picture: Picture,
  width: number,
  height: number,
): void {
  ctx.fillStyle = picture.room;
  ctx.fillRect(0, 0, width, height);
  if (picture.plate !== null) {
    ctx.imageSmoothingQuality = 'high';
    ctx.drawImage(picture.plate, 0, 0, width, height);
  }
  for (const zone of picture.zones) paintZone(ctx, zone, width, height);
  if (picture.scene !== null && picture.withPeople) {
    drawMannequins(ctx, picture.scene, width, height);
    paintLabels(ctx, picture.scene.subjects, picture.marked, width, height);
  }
}

function paintZone(ctx: CanvasRenderingContext2D, zone: Zone, width: number, height: number): void {
  const { line, fill, dash } = OUTLINE[zone.kind];
  ctx.save();
  ctx.beginPath();
  for (const [u, v] of zone.polygon) ctx.lineTo(u * width, v * height);
  ctx.closePath();
  ctx.fillStyle = fill;
  ctx.fill();
  ctx.lineJoin = 'round';
  ctx.lineWidth = 3.5;
  ctx.strokeStyle = 'rgb(255 255 255 / 55%)';
  ctx.stroke();
  ctx.setLineDash(dash);
  ctx.lineWidth = 2;
  ctx.strokeStyle = line;
  ctx.stroke();
  ctx.restore();

  const [u, v] = zone.polygon.reduce((low, corner) => (corner[1] > low[1] ? corner : low));
  const text = `${zone.name} · ${ZONE[zone.kind]}${zone.hours ? ` ${zone.hours}` : ''}`;
  ctx.font = `600 11px ${FONT}`;
  const box: Box = {
    x: u * width - ctx.measureText(text).width / 2 - 6,
    y: v * height - 22,
    width: ctx.measureText(text).width + 12,
    height: 17,
  };
  const [placed] = placeLabels([box], width, height);
  paintPill(ctx, placed ?? box, text, 'rgb(18 28 38 / 62%)');
}

function paintLabels(
  ctx: CanvasRenderingContext2D,
  subjects: readonly SubjectScene[],
  marked: Picture['marked'],
  width: number,
  height: number,
): void {
  const size = width < 420 ? 11 : 12.5;
  ctx.font = `600 ${size}px ${FONT}`;
  const urgency = (subject: SubjectScene) =>
    (marked.has(subject.id) ? 2 : 0) + (RISK.has(subject.behavior) ? 1 : 0);
  const labels = [...subjects]
    .sort((a, b) => urgency(b) - urgency(a) || a.id - b.id)
    .map((subject) => {
      const severity = marked.get(subject.id);
      const name = subjectName(subject.id);
      const text =
        width < 420
          ? `${name} ${BEHAVIOR[subject.behavior]}`
          : `${name}  ${BEHAVIOR[subject.behavior]} ${percent(subject.confidence)}`;
      const warn = severity !== undefined || RISK.has(subject.behavior);
      const [x0, y0, x1] = subject.box_xyxy;
      const labelWidth = ctx.measureText(text).width + 14 + (warn ? size + 3 : 0);
      return {
        text,
        warn,
        fill: severity !== undefined ? MARK[severity] : warn ? RISK_NOW : PLAIN,
        box: {
          x: ((x0 + x1) / 2) * width - labelWidth / 2,
          y: y0 * height - 0.045 * height - size - 14,
          width: labelWidth,
          height: size + 9,
        },
      };
    });
  const boxes = placeLabels(
    labels.map(({ box }) => box),
    width,
    height,
  );
  labels.forEach(({ text, warn, fill, box }, i) => {
    paintPill(ctx, boxes[i] ?? box, text, fill, warn ? size : 0);
  });
}

/** A rounded label; `sign` > 0 puts a warning triangle of that size before the words. */
function paintPill(
  ctx: CanvasRenderingContext2D,
  { x, y, width, height }: Box,
  text: string,
  fill: string,
  sign = 0,
): void {
  ctx.fillStyle = fill;
  ctx.beginPath();
  ctx.roundRect(x, y, width, height, height / 2);
  ctx.fill();
  ctx.fillStyle = '#fff';
  ctx.textBaseline = 'middle';
  const middle = y + height / 2;
  let left = x + 7;
  if (sign > 0) {
    ctx.beginPath();
    ctx.moveTo(left + sign / 2, middle - sign * 0.46);
    ctx.lineTo(left + sign, middle + sign * 0.4);
    ctx.lineTo(left, middle + sign * 0.4);
    ctx.closePath();
    ctx.fill();
    ctx.fillStyle = fill;
    ctx.fillRect(left + sign / 2 - 0.8, middle - sign * 0.18, 1.6, sign * 0.3);
    ctx.fillRect(left + sign / 2 - 0.8, middle + sign * 0.2, 1.6, 1.6);
    ctx.fillStyle = '#fff';
    left += sign + 3;
  }
  ctx.fillText(text, left, middle + 0.5);
}
