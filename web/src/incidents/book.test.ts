import { describe, expect, it } from 'vitest';
import type { IncidentEvent } from '../api/types';
import { aFeedback, anIncident, aScene, at, EPOCH } from '../testing';
import {
  type Book,
  byUrgency,
  hear,
  hearJudged,
  isOpen,
  MOST_KEPT,
  merge,
  pageTitle,
  reconcile,
} from './book';
import { lastedMs } from './lasted';

const order = (...incidents: IncidentEvent[]) =>
  [...incidents]
    .reverse()
    .sort(byUrgency)
    .map(({ id }) => id);

describe('byUrgency', () => {
  it('puts open before closed, whatever the severity', () => {
    const closed = anIncident('closed', { end: at(9000), start: at(8000) });
    expect(order(closed, anIncident('open', { severity: 'notice' }))).toEqual(['open', 'closed']);
  });

  it('puts the most severe open one first, then the newest', () => {
    expect(
      order(
        anIncident('notice', { severity: 'notice', start: at(900) }),
        anIncident('old alarm', { start: at(0) }),
        anIncident('new alarm', { start: at(500) }),
        anIncident('warning', { severity: 'warning', start: at(800) }),
      ),
    ).toEqual(['new alarm', 'old alarm', 'warning', 'notice']);
  });

  it('puts an open one that was called false behind the others', () => {
    expect(
      order(
        anIncident('false alarm', { feedback: aFeedback('false_alarm') }),
        anIncident('confirmed', { feedback: aFeedback('confirmed'), severity: 'warning' }),
        anIncident('notice', { severity: 'notice' }),
      ),
    ).toEqual(['confirmed', 'notice', 'false alarm']);
  });

  it('reads history by time alone', () => {
    expect(
      order(
        anIncident('alarm', { start: at(0), end: at(10) }),
        anIncident('notice', { severity: 'notice', start: at(50), end: at(60) }),
      ),
    ).toEqual(['notice', 'alarm']);
  });
});

describe('the book', () => {
  const books = (...incidents: IncidentEvent[]) =>
    incidents.reduce<Book>((book, incident) => hear(book, incident), new Map());

  it('keeps a closed incident closed when an older word comes late', () => {
    const closed = anIncident('a', { end: at(10) });
    expect(merge(closed, anIncident('a', { event: 'updated' }))).toBe(closed);
    expect(merge(undefined, closed)).toBe(closed);
    expect(merge(anIncident('a'), closed)).toBe(closed);
  });

  it('opens an incident again that goes on', () => {
    const book = books(
      anIncident('a'),
      anIncident('a', { end: at(10) }),
      anIncident('a', { event: 'updated', severity: 'alarm' }),
    );
    expect([...book.values()].every(isOpen)).toBe(true);
  });

  it('takes from an answer what was said, and not how the incident stood', () => {
    const closed = anIncident('a', { end: at(10) });
    const judged = anIncident('a', { event: 'judged', feedback: aFeedback('confirmed') });
    const book = hearJudged(books(closed), judged);
    expect(book.get('a')).toEqual({ ...closed, feedback: judged.feedback });
    expect(hearJudged(new Map(), judged).get('a')).toEqual(judged);
  });

  it('follows an open incident through its changes', () => {
    const book = books(anIncident('a'), anIncident('a', { event: 'updated', severity: 'warning' }));
    expect(book.get('a')?.severity).toBe('warning');
    expect([...book.values()].every(isOpen)).toBe(true);
  });

  it('forgets the oldest closed ones of a very long day, never an open one', () => {
    let book = books(anIncident('open'));
    for (let i = 0; i < MOST_KEPT + 5; i += 1)
      book = hear(book, anIncident(`${i}`, { end: at(i) }));
    expect(book.size).toBe(MOST_KEPT);
    expect(book.has('open')).toBe(true);
    expect(book.has('5')).toBe(false);
    expect(book.has('6')).toBe(true);
  });

  it('keeps closed ones when it is brought in line with REST', () => {
    const book = books(anIncident('closed', { end: at(1) }), anIncident('vanished'));
    expect([...reconcile(book, [anIncident('open')], new Set()).keys()]).toEqual([
      'closed',
      'open',
    ]);
  });
});

it('names the worst in the title, and nothing when nothing is open', () => {
  expect(pageTitle([anIncident('a'), anIncident('b')], 'Alarm: Fall')).toBe(
    '(2) Alarm: Fall · Mizaru',
  );
  expect(pageTitle([], null)).toBe('Mizaru');
});

describe('lastedMs', () => {
  it('of a closed incident is its own', () => {
    expect(lastedMs({ start: at(0), end: at(7000) }, null, 0, EPOCH + 99_000)).toBe(7000);
  });

  it('of an open one follows the camera’s clock while scenes come', () => {
    // The camera's clock is an hour ahead of the server's.
    const scene = { value: aScene(3_600_000), at: 1000 };
    expect(lastedMs({ start: at(3_590_000), end: null }, scene, 1500, EPOCH)).toBe(10_500);
  });

  it('falls back to the server’s clock, and is never negative', () => {
    const scene = { value: aScene(0), at: 0 };
    expect(lastedMs({ start: at(0), end: null }, scene, 60_000, EPOCH + 61_000)).toBe(61_000);
    expect(lastedMs({ start: at(5000), end: null }, null, 0, EPOCH)).toBe(0);
  });
});
