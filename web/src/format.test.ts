import { describe, expect, it } from 'vitest';
import {
  delay,
  duration,
  measure,
  people,
  percent,
  quantity,
  subjectName,
  timeOfDay,
} from './format';

it.each([
  [0, '0 s'],
  [-500, '0 s'],
  [12_999, '12 s'],
  [60_000, '1 min 00 s'],
  [185_000, '3 min 05 s'],
  [2 * 3_600_000 + 10 * 60_000, '2 h 10 min'],
  [5 * 86_400_000, '5 days'],
])('%s ms last %s', (ms, text) => {
  expect(duration(ms)).toBe(text);
});

it.each([
  [0, '0 %'],
  [0.002, '< 1 %'],
  [0.874, '87 %'],
  [0.999, '> 99 %'],
  [1, '100 %'],
])('%s is %s', (fraction, text) => {
  expect(percent(fraction)).toBe(text);
});

it.each([
  [0, '0'],
  [0.0123456, '0.0123'],
  [0.7678, '0.768'],
  [12.44, '12.4'],
  [1840.2, '1,840'],
  [-2.5678, '-2.57'],
  [Number.NaN, '–'],
])('%s reads %s', (value, text) => {
  expect(quantity(value, 'en')).toBe(text);
});

it('gives a measure its words and unit', () => {
  expect(measure({ name: 'descent_speed', value: 0.8, unit: 'body heights/s' })).toEqual({
    name: 'descent speed',
    number: '0.8',
    unit: 'body heights/s',
  });
});

it('says a delay in tenths while tenths matter', () => {
  const from = '2026-03-01T12:00:00.000Z';
  expect(delay(from, '2026-03-01T12:00:00.840Z')).toBe('0.8 s');
  expect(delay(from, '2026-03-01T12:01:05.000Z')).toBe('1 min 05 s');
  expect(delay(from, '2026-03-01T11:59:59.000Z')).toBe('0.0 s');
});

it('names subjects in four unmistakable signs', () => {
  expect(subjectName(1)).toBe('P-0001');
  expect(subjectName(2 ** 32 - 1)).toBe('P-ZZZZ');
  for (let id = 1; id < 5000; id += 7) expect(subjectName(id)).toMatch(/^P-[0-9A-HJKMNP-TV-Z]{4}$/);
  const names = new Set(Array.from({ length: 4096 }, (_, id) => subjectName(id)));
  expect(names.size).toBe(4096);
});

it('counts people', () => {
  expect([people(0), people(1), people(2)]).toEqual(['0 people', '1 person', '2 people']);
});

describe('timeOfDay', () => {
  const options = { locale: 'en-GB', timeZone: 'Asia/Tokyo' };

  it('is in the viewer’s zone, without the date today', () => {
    const now = Date.parse('2026-03-01T20:00:00Z');
    expect(timeOfDay('2026-03-01T15:30:05Z', now, options)).toBe('00:30:05');
  });

  it('has the date on another day of the viewer', () => {
    const now = Date.parse('2026-03-01T20:00:00Z');
    expect(timeOfDay('2026-03-01T14:30:05Z', now, options)).toBe('1 Mar 2026, 23:30:05');
  });
});
