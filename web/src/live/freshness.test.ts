import { describe, expect, it } from 'vitest';
import type { StatusEvent } from '../api/types';
import { aScene, aStatus, EPOCH } from '../testing';
import { type CameraNow, freshness, LATE_AFTER_MS, STALE_AFTER_MS } from './freshness';
import type { LinkState } from './socket';

const OPEN: LinkState = { kind: 'open' };
const LOST: LinkState = { kind: 'waiting', attempt: 1, retryInMs: 500 };

/** A scene of camera time 0 that arrived `sceneAge` ago, a status `statusAge` ago; now is 60 s. */
function camera(
  sceneAge: number | null,
  statusAge: number | null = null,
  status: Partial<StatusEvent> = {},
): CameraNow {
  return {
    scene: sceneAge === null ? null : { value: aScene(0), at: 60_000 - sceneAge },
    status: statusAge === null ? null : { value: aStatus(status), at: 60_000 - statusAge },
  };
}

function judge(now: CameraNow, link = OPEN, behind = 300) {
  return freshness(now, link, 60_000, EPOCH + behind);
}

describe('freshness', () => {
  it.each([
    ['a fresh scene', camera(100), 'live'],
    ['a fresh scene and a status', camera(100, 2000), 'live'],
    ['nothing at all', camera(null), 'never'],
    ['a status but no scene', camera(null, 100), 'never'],
    ['silence though streaming', camera(STALE_AFTER_MS + 1, 100), 'stale'],
    ['silence and no status', camera(STALE_AFTER_MS + 1), 'stale'],
    ['a blind camera', camera(500, 100, { state: 'blind' }), 'blind'],
    ['blind before any scene', camera(null, 100, { state: 'blind' }), 'blind'],
    ['scenes after it was blind', camera(100, 3000, { state: 'blind' }), 'live'],
    ['scenes after it was starting', camera(100, 3000, { state: 'starting' }), 'live'],
    ['a camera that starts', camera(null, 100, { state: 'starting' }), 'starting'],
    ['a restart', camera(900, 100, { state: 'restarting' }), 'restarting'],
    ['a failed camera', camera(900, 100, { state: 'failed' }), 'failed'],
    ['the end of a file', camera(900, 100, { state: 'ended' }), 'ended'],
    ['the end of a file and its edge', camera(9, 1, { state: 'ended', connected: false }), 'ended'],
    ['an edge that is gone', camera(900, 100, { connected: false }), 'disconnected'],
  ])('%s', (_, now, kind) => {
    expect(judge(now).kind).toBe(kind);
    expect(judge(now).live).toBe(kind === 'live');
  });

  it('is never live without a connection of its own, beyond a second of grace', () => {
    expect(judge(camera(1500), LOST).kind).toBe('unlinked');
    expect(judge(camera(null), LOST).kind).toBe('unlinked');
    expect(judge(camera(500), LOST).kind).toBe('live');
  });

  it('says how long ago the last scene came', () => {
    expect(judge(camera(12_000)).lastSeenMs).toBe(12_000);
    expect(judge(camera(null)).lastSeenMs).toBeNull();
  });

  it('does not call a scene from the spool live', () => {
    expect(judge(camera(100), OPEN, LATE_AFTER_MS).kind).toBe('live');
    const late = judge(camera(100), OPEN, 40_000);
    expect(late.kind).toBe('late');
    expect(late.detail).toContain('40 s ago');
  });

  it('names a camera whose clock is wrong', () => {
    expect(judge(camera(100), OPEN, 86_400_000).label).toBe('Old time');
  });
});
