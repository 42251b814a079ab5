import { expect, it } from 'vitest';
import type { StatusEvent } from '../api/types';
import { aStatus } from '../testing';
import { healthItems } from './health';

const worries = (change: Partial<StatusEvent>) =>
  healthItems(aStatus(change), 80)
    .filter(({ worry }) => worry)
    .map(({ name }) => name);

it('worries about nothing when all is well', () => {
  expect(worries({})).toEqual([]);
});

it.each<[Partial<StatusEvent>, string]>([
  [{ state: 'blind' }, 'Camera'],
  [{ state: 'failed' }, 'Camera'],
  [{ connected: false }, 'Edge'],
  [{ sandboxed: false }, 'Darkroom'],
  [{ fps: 2 }, 'Frames'],
  [{ capture_to_pipe_p95_ms: 900 }, 'Capture → pipe'],
  [{ frames_dropped: 50 }, 'Dropped'],
  [{ restarts: 1 }, 'Restarts'],
  [{ spooled: 400 }, 'Waiting at edge'],
])('worries about %o', (change, name) => {
  expect(worries(change)).toEqual([name]);
});

it('does not worry that the edge left when the recording ended', () => {
  expect(worries({ state: 'ended', connected: false })).toEqual([]);
});

it('survives a camera that has no frames yet', () => {
  const dropped = healthItems(aStatus({ frames_in: 0 }), null).find(
    ({ name }) => name === 'Dropped',
  );
  expect(dropped?.value).toBe('0 of 0 (0 %)');
});
