import {
  CameraOff,
  CircleDashed,
  CirclePause,
  ClockAlert,
  EyeOff,
  History,
  type LucideIcon,
  Radio,
  RefreshCw,
  ServerOff,
  Square,
  Unplug,
} from 'lucide-react';
import type { FreshnessKind } from '../live/freshness';
import type { Tone } from '../Pill';

/** Icon and colour for each way of being live or not. */
export const FRESHNESS: Record<FreshnessKind, { icon: LucideIcon; tone: Tone }> = {
  live: { icon: Radio, tone: 'ok' },
  late: { icon: History, tone: 'warning' },
  stale: { icon: ClockAlert, tone: 'alarm' },
  blind: { icon: EyeOff, tone: 'alarm' },
  starting: { icon: CircleDashed, tone: 'quiet' },
  restarting: { icon: RefreshCw, tone: 'warning' },
  ended: { icon: Square, tone: 'quiet' },
  failed: { icon: CameraOff, tone: 'alarm' },
  disconnected: { icon: ServerOff, tone: 'alarm' },
  unlinked: { icon: Unplug, tone: 'alarm' },
  never: { icon: CirclePause, tone: 'quiet' },
};
