/** Numbers, times and names as a person reads them. */
import type { Measure } from './api/types';
import { plain } from './words';

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'; // Crockford: no I, L, O, U

/** 0.874 → "87 %"; what is not nothing is not called 0 %, what is not all not 100 %. */
export function percent(fraction: number): string {
  if (fraction > 0 && fraction < 0.005) return '< 1 %';
  if (fraction < 1 && fraction >= 0.995) return '> 99 %';
  return `${Math.round(fraction * 100)} %`;
}

/** Three significant digits, without an exponent: 0.01234 → "0.0123", 1840.2 → "1,840". */
export function quantity(value: number, locale?: string): string {
  if (!Number.isFinite(value)) return '–';
  const digits = Math.abs(value) >= 100 ? 0 : value === 0 ? 0 : 2 - Math.floor(magnitude(value));
  return new Intl.NumberFormat(locale, {
    maximumFractionDigits: Math.min(6, Math.max(0, digits)),
  }).format(value);
}

function magnitude(value: number): number {
  return Math.log10(Math.abs(value));
}

export function measure({ name, value, unit }: Measure): {
  name: string;
  number: string;
  unit: string;
} {
  return { name: plain(name), number: quantity(value), unit };
}

/** From one moment to another: "0.8 s" where tenths matter, else as `duration`. */
export function delay(from: string, to: string): string {
  const ms = Math.max(0, Date.parse(to) - Date.parse(from));
  return ms < 10_000 ? `${(ms / 1000).toFixed(1)} s` : duration(ms);
}

/** Milliseconds → "12 s", "3 min 05 s", "2 h 10 min", "4 days". Never negative. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${pad(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${pad(minutes % 60)} min`;
  return `${Math.floor(hours / 24)} days`;
}

function pad(value: number): string {
  return String(value).padStart(2, '0');
}

export interface TimeOptions {
  locale?: string;
  timeZone?: string;
}

/** Time of day in the viewer's zone; with the date when it is not today. */
export function timeOfDay(iso: string, nowMs: number, options: TimeOptions = {}): string {
  const { locale, timeZone } = options;
  const zone = timeZone === undefined ? {} : { timeZone };
  const day = new Intl.DateTimeFormat('en-CA', { dateStyle: 'short', ...zone });
  const when = new Date(iso);
  const today = day.format(when) === day.format(nowMs);
  return new Intl.DateTimeFormat(locale, {
    ...(today ? {} : { day: 'numeric', month: 'short', year: 'numeric' }),
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    ...zone,
  }).format(when);
}

/** Everything about a moment, zone included, for a tooltip. */
export function fullTime(iso: string, options: TimeOptions = {}): string {
  const { locale, timeZone } = options;
  return new Intl.DateTimeFormat(locale, {
    dateStyle: 'full',
    timeStyle: 'long',
    ...(timeZone === undefined ? {} : { timeZone }),
  }).format(new Date(iso));
}

/** A name of four signs for an ephemeral subject id, short enough to say aloud. */
export function subjectName(id: number): string {
  let name = '';
  for (let bits = 0; bits < 20; bits += 5) name = (ALPHABET[(id >>> bits) & 31] ?? '') + name;
  return `P-${name}`;
}

export function people(count: number): string {
  return count === 1 ? '1 person' : `${count} people`;
}
