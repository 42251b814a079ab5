/** Whether a scene may be called live. Nothing old is ever shown as if it were now. */
import type { SceneEvent, StatusEvent } from '../api/types';
import { duration } from '../format';
import type { LinkState } from './socket';

/** Scenes come ten times a second in bursts of half a second; this long without one is stale. */
export const STALE_AFTER_MS = 3000;
/** A scene this much older than the server's clock comes from the edge's spool. */
export const LATE_AFTER_MS = 5000;
/** Beyond this a camera's clock is wrong, or a recording carries its own time. */
export const CLOCK_WRONG_AFTER_MS = 3_600_000;
/** After this long without a scene nobody can say where the people are: they are not drawn. */
export const FORGET_PEOPLE_AFTER_MS = 30_000;

export type FreshnessKind =
  | 'live'
  | 'late'
  | 'stale'
  | 'blind'
  | 'starting'
  | 'restarting'
  | 'ended'
  | 'failed'
  | 'disconnected'
  | 'unlinked'
  | 'never';

export interface Freshness {
  readonly kind: FreshnessKind;
  /** True only where what is drawn is what happens now. */
  readonly live: boolean;
  /** One or two words for a badge. */
  readonly label: string;
  /** One sentence: what is wrong and, where known, what helps. */
  readonly detail: string;
  /** How long ago the last scene arrived; null if none ever did. */
  readonly lastSeenMs: number | null;
}

export interface Received<T> {
  readonly value: T;
  /** Monotonic time of arrival, milliseconds. */
  readonly at: number;
}

export interface CameraNow {
  readonly scene: Received<SceneEvent> | null;
  readonly status: Received<StatusEvent> | null;
}

const STATES = {
  starting: ['Starting', 'The camera is starting; the first picture follows.'],
  blind: ['Blind', 'The edge runs, but no picture comes from the camera.'],
  restarting: ['Restarting', 'The camera’s process stopped and is being started again.'],
  ended: ['Ended', 'The recording has ended.'],
  failed: ['Failed', 'The camera’s process gave up; see the edge’s log.'],
} as const satisfies Partial<Record<FreshnessKind, readonly [string, string]>>;

/**
 * Judge one camera.
 *
 * Args:
 *   camera: what was last received from it.
 *   link: state of this page's own connection.
 *   now: monotonic milliseconds, as in `Received.at`.
 *   wall: the server's time of day, milliseconds since 1970.
 */
export function freshness(
  camera: CameraNow,
  link: LinkState,
  now: number,
  wall: number,
): Freshness {
  const { scene, status } = camera;
  const lastSeenMs = scene === null ? null : Math.max(0, now - scene.at);
  const say = (kind: FreshnessKind, label: string, detail: string): Freshness => ({
    kind,
    live: kind === 'live',
    label,
    detail,
    lastSeenMs,
  });

  if (link.kind !== 'open' && (lastSeenMs === null || lastSeenMs > 1000)) {
    return say('unlinked', 'Not connected', 'This page has lost its connection to the cloud.');
  }
  // A status describes now only if no scene came after it.
  if (status !== null && (scene === null || status.at >= scene.at)) {
    const { connected, state } = status.value;
    if (state === 'ended' || state === 'failed')
      return say(state, STATES[state][0], STATES[state][1]);
    if (!connected) {
      return say('disconnected', 'Edge offline', 'The edge has lost its connection to the cloud.');
    }
    if (state !== 'streaming') return say(state, STATES[state][0], STATES[state][1]);
  }
  if (scene === null || lastSeenMs === null) {
    return say('never', 'No picture yet', 'Nothing has arrived from this camera so far.');
  }
  if (lastSeenMs > STALE_AFTER_MS) {
    return say('stale', 'Stale', 'The camera says it is streaming, but nothing arrives.');
  }
  const behind = wall - Date.parse(scene.value.time);
  if (behind > CLOCK_WRONG_AFTER_MS) {
    return say('late', 'Old time', 'The camera’s clock is wrong, or this is a recording.');
  }
  if (behind > LATE_AFTER_MS) {
    return say('late', 'Behind', `Catching up after an outage: this was ${duration(behind)} ago.`);
  }
  return say('live', 'Live', 'This is what the camera sees now.');
}
