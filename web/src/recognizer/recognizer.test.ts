import { expect, it } from 'vitest';
import type { Recognizer } from '../api/types';
import { because } from './because';
import { notValidated } from './context';

const about = (behavior: 'fall' | 'push', validated: boolean): Recognizer['behaviors'][number] => ({
  behavior,
  validated,
  validation: 'words',
  threshold: null,
  budget: null,
});

it('marks nothing before it is known, and then only what was not validated', () => {
  expect(notValidated(undefined).size).toBe(0);
  const recognizer = {
    version: '1',
    sha256: null,
    behaviors: [about('fall', true), about('push', false)],
  };
  expect([...notValidated(recognizer)]).toEqual(['push']);
});

it.each([
  [0, 1, '1 false alarm'],
  [1, 0, '1 confirmed'],
  [2, 3, '3 false alarms, 2 confirmed'],
])('says %i confirmed and %i false in words', (confirmed, falseAlarms, words) => {
  expect(because(confirmed, falseAlarms)).toBe(words);
});
