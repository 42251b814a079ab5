/** The numbers of a camera's health, with those that need a look marked. */
import type { StatusEvent } from '../api/types';
import { percent, quantity } from '../format';
import { capitalise, STATE } from '../words';

export interface HealthItem {
  readonly name: string;
  readonly value: string;
  /** What it means, for a tooltip and for those who ask. */
  readonly meaning: string;
  readonly worry: boolean;
}

/** More segments than this waiting at the edge means that the link is behind. */
const SPOOL_WORRY = 20;
const DROPPED_WORRY = 0.1;
/** Below this a fall falls between the frames. */
const SLOW_FPS = 8;
const LATENCY_WORRY_MS = 250;

export function healthItems(status: StatusEvent, knownPercent: number | null): HealthItem[] {
  const dropped = status.frames_in === 0 ? 0 : status.frames_dropped / status.frames_in;
  return [
    {
      name: 'Camera',
      value: capitalise(STATE[status.state]),
      meaning: 'What the camera’s process says of itself.',
      worry: status.state === 'blind' || status.state === 'failed' || status.state === 'restarting',
    },
    {
      name: 'Edge',
      value: status.connected ? 'Connected' : 'Offline',
      meaning: 'Whether the computer beside the camera reaches the cloud.',
      worry: !status.connected && status.state !== 'ended',
    },
    {
      name: 'Darkroom',
      value: status.sandboxed ? 'Locked' : 'Not locked',
      meaning: status.sandboxed
        ? 'The process that sees the picture has no network and cannot write files.'
        : 'The process that sees the picture could not be locked in on that computer.',
      worry: !status.sandboxed,
    },
    {
      name: 'Frames',
      value: `${quantity(status.fps)} per s`,
      meaning: 'Frames developed per second, over the last ten seconds.',
      worry: status.state === 'streaming' && status.fps < SLOW_FPS,
    },
    {
      name: 'Capture → pipe',
      value: `${Math.round(status.capture_to_pipe_p50_ms)} ms, p95 ${Math.round(status.capture_to_pipe_p95_ms)} ms`,
      meaning: 'From a frame’s arrival to its de-identified form: middle, and slowest twentieth.',
      worry: status.capture_to_pipe_p95_ms > LATENCY_WORRY_MS,
    },
    {
      name: 'Dropped',
      value: `${quantity(status.frames_dropped)} of ${quantity(status.frames_in)} (${percent(dropped)})`,
      meaning: 'Frames that came too late or failed and were thrown away unseen.',
      worry: dropped > DROPPED_WORRY,
    },
    {
      name: 'Restarts',
      value: quantity(status.restarts),
      meaning: 'How often the camera’s process had to be started again.',
      worry: status.restarts > 0,
    },
    {
      name: 'Waiting at edge',
      value: `${quantity(status.spooled)} segments`,
      meaning: 'Half-second segments kept safe at the edge until the cloud takes them.',
      worry: status.spooled > SPOOL_WORRY,
    },
    {
      name: 'Room learnt',
      value: knownPercent === null ? 'Not yet' : percent(knownPercent / 100),
      meaning: 'Share of the room that has been seen without people. The rest is drawn flat.',
      worry: false,
    },
  ];
}
