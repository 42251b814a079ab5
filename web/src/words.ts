/** Every word a viewer reads for a value of the vocabulary. */
import type { Behavior, CameraState, Severity, Verdict, Zone } from './api/types';

export const BEHAVIOR: Record<Behavior, string> = {
  walk: 'walking',
  stand: 'standing',
  sit_down: 'sitting down',
  sit: 'sitting',
  stand_up: 'standing up',
  lie_down: 'lying down',
  lie: 'lying',
  bend: 'bending',
  squat: 'squatting',
  wash_hands: 'washing hands',
  drink: 'drinking',
  phone: 'on the phone',
  fall: 'fall',
  long_lie: 'long lie',
  smoke: 'smoking',
  strike: 'striking',
  push: 'push',
  bully: 'bullying',
  intrude: 'intrusion',
  loiter: 'loitering',
  crowd: 'crowding',
  wave_for_help: 'waving for help',
  unknown: 'not known',
};

/** Behaviours that may open an incident; the same set as `RISK` of the vocabulary. */
export const RISK: ReadonlySet<Behavior> = new Set<Behavior>([
  'fall',
  'long_lie',
  'smoke',
  'strike',
  'push',
  'bully',
  'intrude',
  'loiter',
  'crowd',
  'wave_for_help',
]);

export const SEVERITY: Record<Severity, string> = {
  notice: 'Notice',
  warning: 'Warning',
  alarm: 'Alarm',
};

export const STATE: Record<CameraState, string> = {
  starting: 'starting',
  streaming: 'streaming',
  blind: 'blind',
  restarting: 'restarting',
  ended: 'ended',
  failed: 'failed',
};

export const ZONE: Record<Zone['kind'], string> = {
  intrude: 'no entry',
  loiter: 'no waiting',
  rest: 'resting place',
};

export const VERDICT: Record<Verdict, string> = {
  confirmed: 'Confirmed',
  false_alarm: 'Called false',
};

/** "descent_speed" → "descent speed". */
export function plain(name: string): string {
  return name.replaceAll('_', ' ');
}

export function capitalise(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
