import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ServerClock } from './clock';

beforeEach(() => {
  vi.useFakeTimers();
  vi.setSystemTime('2026-03-01T12:00:00.000Z');
});

afterEach(() => vi.useRealTimers());

it('believes the server when the viewer’s clock is wrong', () => {
  const clock = new ServerClock();
  clock.learn('Sun, 01 Mar 2026 14:00:00 GMT');
  expect(Math.abs(clock.wall() - Date.parse('2026-03-01T14:00:00Z'))).toBeLessThanOrEqual(500);
});

it('does not take the rounding of the header for a difference', () => {
  const clock = new ServerClock();
  clock.learn('Sun, 01 Mar 2026 11:59:59 GMT');
  expect(clock.wall()).toBe(Date.now());
});

it.each([null, 'yesterday'])('is not misled by a header that is %s', (header) => {
  const clock = new ServerClock();
  clock.learn(header);
  expect(clock.wall()).toBe(Date.now());
});
