/** Draws one anonymous frame: plate, zones, mannequins in occlusion order, labels. */
import type { SceneEvent, Severity, SubjectScene, Zone } from '../api/types';
import { percent, subjectName } from '../format';
import { draw, PALETTE, type Rgb, slots } from '../proxy/psi';
import { BEHAVIOR, RISK, ZONE } from '../words';
import { type Box, placeLabels } from './labels';

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

/**
 * Args:
 *   ctx: scaled to CSS pixels.
 *   width, height: of the canvas in CSS pixels.
 */
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
  for (const zone of picture.zones) outline(ctx, zone, width, height);
  const subjects = picture.withPeople ? (picture.scene?.subjects ?? []) : [];
  const small = width < 480;
  const size = small ? 11 : 12.5;
  const people = subjectLabels(ctx, subjects, picture.marked, { width, height, size, small });
  const places = small ? [] : zoneLabels(ctx, picture.zones, width, height);
  // People first: where there is little room, the names of zones give way.
  const wanted = [...people, ...places].map(({ box }) => box);
  const boxes = placeLabels(wanted, width, height);
  places.forEach((label, i) => {
    paintLabel(ctx, label, boxes[people.length + i] ?? label.box);
  });
  draw(ctx, subjects, width, height);
  people.forEach((label, i) => {
    paintLabel(ctx, label, boxes[i] ?? label.box);
  });
}

function outline(ctx: CanvasRenderingContext2D, zone: Zone, width: number, height: number): void {
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
}

interface Label {
  readonly text: string;
  readonly box: Box;
  readonly fill: string;
  /** Font size, CSS pixels. */
  readonly size: number;
  /** Before the words: a warning sign, the mannequin's colour, or nothing. */
  readonly mark: 'warning' | Rgb | null;
}

/** On the zone's lower edge, in its middle. */
function zoneLabels(
  ctx: CanvasRenderingContext2D,
  zones: readonly Zone[],
  width: number,
  height: number,
): Label[] {
  const size = 11;
  ctx.font = `600 ${size}px ${FONT}`;
  return zones.map((zone) => {
    const us = zone.polygon.map(([u]) => u);
    const middle = (Math.min(...us) + Math.max(...us)) / 2;
    const text = `${zone.name} · ${ZONE[zone.kind]}${zone.hours === null ? '' : ` ${zone.hours}`}`;
    const labelWidth = ctx.measureText(text).width + 12;
    const box = {
      x: middle * width - labelWidth / 2,
      y: Math.max(...zone.polygon.map(([, v]) => v)) * height - 9,
      width: labelWidth,
      height: 18,
    };
    return { text, box, fill: 'rgb(18 28 38 / 66%)', size, mark: null };
  });
}

function subjectLabels(
  ctx: CanvasRenderingContext2D,
  subjects: readonly SubjectScene[],
  marked: Picture['marked'],
  { width, height, size, small }: { width: number; height: number; size: number; small: boolean },
): Label[] {
  ctx.font = `600 ${size}px ${FONT}`;
  const slot = new Map<number, Rgb | undefined>();
  slots(
    subjects.map(({ id }) => id),
    PALETTE.length,
  ).forEach((colour, i) => {
    const subject = subjects[i];
    if (subject !== undefined) slot.set(subject.id, PALETTE[colour]);
  });
  const urgency = ({ id, behavior }: SubjectScene) =>
    (marked.has(id) ? 2 : 0) + (RISK.has(behavior) ? 1 : 0);
  return [...subjects]
    .sort((a, b) => urgency(b) - urgency(a) || a.id - b.id)
    .map((subject) => {
      const severity = marked.get(subject.id);
      const warn = severity !== undefined || RISK.has(subject.behavior);
      const behavior = BEHAVIOR[subject.behavior];
      const sure = small ? '' : ` ${percent(subject.confidence)}`;
      const text = `${subjectName(subject.id)}  ${behavior}${sure}`;
      const [x0, y0, x1] = subject.box_xyxy;
      const labelWidth = ctx.measureText(text).width + 17 + size;
      return {
        text,
        size,
        mark: warn ? 'warning' : (slot.get(subject.id) ?? null),
        fill: severity !== undefined ? MARK[severity] : warn ? RISK_NOW : PLAIN,
        box: {
          x: ((x0 + x1) / 2) * width - labelWidth / 2,
          y: y0 * height - 0.045 * height - size - 14,
          width: labelWidth,
          height: size + 9,
        },
      };
    });
}

function paintLabel(
  ctx: CanvasRenderingContext2D,
  { text, fill, size, mark }: Label,
  { x, y, width, height }: Box,
): void {
  ctx.fillStyle = fill;
  ctx.beginPath();
  ctx.roundRect(x, y, width, height, height / 2);
  ctx.fill();
  const middle = y + height / 2;
  let left = x + (mark === null ? 6 : 7);
  if (mark === 'warning') {
    ctx.fillStyle = '#fff';
    ctx.beginPath();
    ctx.moveTo(left + size / 2, middle - size * 0.46);
    ctx.lineTo(left + size, middle + size * 0.4);
    ctx.lineTo(left, middle + size * 0.4);
    ctx.closePath();
    ctx.fill();
    ctx.fillStyle = fill;
    ctx.fillRect(left + size / 2 - 0.8, middle - size * 0.18, 1.6, size * 0.3);
    ctx.fillRect(left + size / 2 - 0.8, middle + size * 0.2, 1.6, 1.6);
  } else if (mark !== null) {
    ctx.fillStyle = `rgb(${mark.join(' ')})`;
    ctx.beginPath();
    ctx.arc(left + size / 2, middle, size * 0.36, 0, 2 * Math.PI);
    ctx.fill();
  }
  if (mark !== null) left += size + 3;
  ctx.fillStyle = '#fff';
  ctx.font = `600 ${size}px ${FONT}`;
  ctx.textBaseline = 'middle';
  ctx.fillText(text, left, middle + 0.5);
}
