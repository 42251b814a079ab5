/**
 * Plays scenes smoothly. They are made every 100 ms but arrive half a second at a time, so they
 * are shown a little late, by as much as the worst recent arrival, and interpolated in between.
 */
import type { Head, SceneEvent, SubjectScene } from '../api/types';

/** Over which arrivals the delay is measured. */
export const WINDOW_MS = 4000;
/** Further apart than this, two scenes are not joined: what lay between was not seen. */
export const LONGEST_GAP_MS = 800;
/** More delay than this is never added; a source faster than real time is skipped along. */
export const LONGEST_DELAY_MS = 1500;
/** A step back in time by more than this is a new stream, not a late message. */
const NEW_STREAM_MS = 2000;
const MARGIN_MS = 30;
/** An error of the playhead is made good within about this time, by running faster or slower. */
const CATCH_UP_MS = 500;

interface Entry {
  readonly scene: SceneEvent;
  /** The camera's clock. */
  readonly t: number;
  /** This page's clock. */
  readonly arrived: number;
  /** The least delay with which the way to this scene could have been shown. */
  readonly delay: number;
}

export class Playout {
  #entries: Entry[] = [];
  /** The camera's clock as last shown, and this page's clock then. */
  #shown = Number.NEGATIVE_INFINITY;
  #when = 0;

  /** Take a scene that arrived at `arrived` (monotonic ms). */
  push(scene: SceneEvent, arrived: number): void {
    const t = Date.parse(scene.time);
    let latest = this.#entries.at(-1);
    if (latest !== undefined && t <= latest.t) {
      if (t > latest.t - NEW_STREAM_MS) return; // said twice, or out of order
      this.reset();
      latest = undefined;
    }
    // Until it came, the playhead could go no further than the scene before.
    const before = latest !== undefined && t - latest.t <= LONGEST_GAP_MS ? latest.t : t;
    this.#entries.push({ scene, t, arrived, delay: arrived - before });
    const oldest = arrived - WINDOW_MS;
    while (this.#entries.length > 2 && (this.#entries[0]?.arrived ?? oldest) < oldest) {
      this.#entries.shift();
    }
  }

  reset(): void {
    this.#entries = [];
    this.#shown = Number.NEGATIVE_INFINITY;
  }

  /** The scene to draw at `now` (monotonic ms), or null before the first. */
  sample(now: number): SceneEvent | null {
    const latest = this.#entries.at(-1);
    if (latest === undefined) return null;
    const delay = Math.max(...this.#entries.map((entry) => entry.delay)) + MARGIN_MS;
    const oldest = latest.t - LONGEST_DELAY_MS;
    const wanted = Math.min(latest.t, Math.max(now - delay, oldest));
    const elapsed = now - this.#when;
    const error = wanted - (this.#shown + elapsed);
    const speed = Math.min(2, Math.max(0.5, 1 + error / CATCH_UP_MS));
    // Nearly always the playhead glides; it jumps at the start and when it is hopelessly behind.
    this.#shown = Math.min(latest.t, Math.max(this.#shown + elapsed * speed, oldest));
    if (error > LONGEST_DELAY_MS) this.#shown = wanted;
    this.#when = now;
    return this.#at(this.#shown, latest);
  }

  #at(t: number, latest: Entry): SceneEvent {
    const next = this.#entries.findIndex((entry) => entry.t > t);
    if (next === -1) return latest.scene;
    const b = this.#entries[next] ?? latest;
    const a = this.#entries[next - 1];
    if (a === undefined) return b.scene;
    if (b.t - a.t > LONGEST_GAP_MS) return a.scene;
    return interpolate(a.scene, b.scene, (t - a.t) / (b.t - a.t));
  }
}

/** The scene between two; subjects that are only in one stay as they are there. */
export function interpolate(a: SceneEvent, b: SceneEvent, fraction: number): SceneEvent {
  if (fraction <= 0) return a;
  if (fraction >= 1) return b;
  if (a.subjects.length === 0) return a;
  const later = new Map(b.subjects.map((subject) => [subject.id, subject]));
  const subjects = a.subjects.map((subject) => {
    const target = later.get(subject.id);
    return target === undefined ? subject : between(subject, target, fraction);
  });
  return { ...a, subjects };
}

function between(a: SubjectScene, b: SubjectScene, fraction: number): SubjectScene {
  return {
    ...a,
    keypoints: a.keypoints.map((from, row) => {
      const to = b.keypoints[row] ?? from;
      // A keypoint that is not seen has no place to move from or to.
      if (from[2] === 0 || to[2] === 0) return fraction < 0.5 ? from : to;
      return [
        mix(from[0], to[0], fraction),
        mix(from[1], to[1], fraction),
        Math.min(from[2], to[2]),
      ];
    }),
    head: turn(a.head, b.head, fraction),
    box_xyxy: [
      mix(a.box_xyxy[0], b.box_xyxy[0], fraction),
      mix(a.box_xyxy[1], b.box_xyxy[1], fraction),
      mix(a.box_xyxy[2], b.box_xyxy[2], fraction),
      mix(a.box_xyxy[3], b.box_xyxy[3], fraction),
    ],
  };
}

function turn(a: Head | null, b: Head | null, fraction: number): Head | null {
  if (a === null || b === null) return fraction < 0.5 ? a : b;
  return {
    yaw: mixAngle(a.yaw, b.yaw, fraction),
    pitch: mix(a.pitch, b.pitch, fraction),
    roll: mixAngle(a.roll, b.roll, fraction),
  };
}

function mix(a: number, b: number, fraction: number): number {
  return a + (b - a) * fraction;
}

/** Along the shorter way round; the result lies in [-180, 180]. */
export function mixAngle(a: number, b: number, fraction: number): number {
  const way = ((((b - a + 180) % 360) + 360) % 360) - 180;
  const angle = a + way * fraction;
  return angle > 180 ? angle - 360 : angle < -180 ? angle + 360 : angle;
}
