/** The incidents this page knows, from REST and the live line, in the order they are read. */
import type { IncidentEvent, Severity } from '../api/types';

const RANK: Record<Severity, number> = { alarm: 2, warning: 1, notice: 0 };

/** Whether hearing `b` after `a` makes things worse. */
export function isWorse(a: IncidentEvent, b: IncidentEvent): boolean {
  return RANK[b.severity] > RANK[a.severity];
}

export function isOpen(incident: IncidentEvent): boolean {
  return incident.event !== 'closed' && incident.end === null;
}

/** Whether an operator said that there was nothing. */
export function isFalse({ feedback }: IncidentEvent): boolean {
  return feedback?.verdict === 'false_alarm';
}

/** Open first; among open those nobody called false, then the most severe; then the newest. */
export function byUrgency(a: IncidentEvent, b: IncidentEvent): number {
  const open = Number(isOpen(b)) - Number(isOpen(a));
  if (open !== 0) return open;
  const doubt = isOpen(a) ? Number(isFalse(a)) - Number(isFalse(b)) : 0;
  if (doubt !== 0) return doubt;
  const severity = isOpen(a) ? RANK[b.severity] - RANK[a.severity] : 0;
  if (severity !== 0) return severity;
  return Date.parse(b.start) - Date.parse(a.start) || a.id.localeCompare(b.id);
}

/**
 * What is known of one incident after a list that may be older named it. Closed stays closed.
 */
export function merge(known: IncidentEvent | undefined, heard: IncidentEvent): IncidentEvent {
  return known !== undefined && !isOpen(known) && isOpen(heard) ? known : heard;
}

export type Book = ReadonlyMap<string, IncidentEvent>;

/** A page that stays open for weeks forgets the oldest closed ones beyond this many. */
export const MOST_KEPT = 1000;

/**
 * Take the next word of the live line, which tells everything in order: what had closed and is
 * open again goes on.
 */
export function hear(book: Book, heard: IncidentEvent): Book {
  const next = new Map(book).set(heard.id, heard);
  if (next.size > MOST_KEPT) {
    const oldest = [...next.values()].find((incident) => !isOpen(incident));
    if (oldest !== undefined) next.delete(oldest.id);
  }
  return next;
}

/** Take what was said of an incident; how it stands, the live line knows better. */
export function hearJudged(book: Book, judged: IncidentEvent): Book {
  const known = book.get(judged.id);
  return hear(book, known === undefined ? judged : { ...known, feedback: judged.feedback });
}

/**
 * Bring the book in line with the list of open incidents that REST gave.
 *
 * Args:
 *   open: the list.
 *   touched: ids heard live since the list was asked for; for these the list may be older.
 *
 * Open incidents that the list no longer has were closed while nobody listened. They are
 * forgotten here; the history, asked for again at the same time, has them with their end.
 */
export function reconcile(
  book: Book,
  open: readonly IncidentEvent[],
  touched: ReadonlySet<string>,
): Book {
  const listed = new Set(open.map((incident) => incident.id));
  const next = new Map<string, IncidentEvent>();
  for (const [id, incident] of book) {
    if (!isOpen(incident) || listed.has(id) || touched.has(id)) next.set(id, incident);
  }
  for (const incident of open) {
    if (!touched.has(incident.id)) next.set(incident.id, merge(next.get(incident.id), incident));
  }
  return next;
}

/** The page's title: how many are open and the worst of them. */
export function pageTitle(open: readonly IncidentEvent[], worst: string | null): string {
  return open.length === 0 || worst === null ? 'Mizaru' : `(${open.length}) ${worst} · Mizaru`;
}
