import type { IncidentEvent, SceneEvent } from '../api/types';
import type { Received } from '../live/freshness';

/** While scenes are older than this, the camera's clock is no longer a guide to now. */
const GUIDE_MS = 5000;

/**
 * How long an incident has lasted. Start and end are told by the camera's clock, so an open one is
 * measured against that too while scenes come; else against the server's time of day.
 *
 * Args:
 *   scene: the camera's last scene, or null.
 *   now: monotonic milliseconds.
 *   wall: the server's time of day.
 */
export function lastedMs(
  { start, end }: Pick<IncidentEvent, 'start' | 'end'>,
  scene: Received<SceneEvent> | null,
  now: number,
  wall: number,
): number {
  const began = Date.parse(start);
  if (end !== null) return Math.max(0, Date.parse(end) - began);
  const since = scene === null ? Number.POSITIVE_INFINITY : now - scene.at;
  const until = scene !== null && since < GUIDE_MS ? Date.parse(scene.value.time) + since : wall;
  return Math.max(0, until - began);
}
