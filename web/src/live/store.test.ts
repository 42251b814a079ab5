import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Api } from '../api/client';
import type { Camera, IncidentEvent, SceneEvent } from '../api/types';
import { aFeedback, anIncident, aScene, aStatus, aSubject, at, EPOCH } from '../testing';
import { LiveStore, SCENE_NOTIFY_MS } from './store';

const CAMERA: Camera = {
  id: 'c',
  name: 'Corridor',
  width: 640,
  height: 360,
  zones: [],
  plate: null,
  plate_known_percent: 40,
  status: null,
  person_count: null,
};

const unasked = (): Promise<never> => {
  throw new Error('not asked for here');
};

class FakeApi implements Api {
  listed: Camera[] = [CAMERA];
  open: IncidentEvent[] = [];
  last: SceneEvent | null = null;
  down = false;
  asked = 0;
  /** Runs while the open incidents are on their way. */
  meanwhile: () => void = () => undefined;

  async cameras() {
    this.asked += 1;
    if (this.down) throw new Error('the cloud answered 500');
    return this.listed;
  }

  async incidents() {
    const answer = this.open;
    await Promise.resolve();
    this.meanwhile();
    return answer;
  }

  async scene() {
    return this.last;
  }

  plate = unasked;
  judge = unasked;
  trace = unasked;
  recognizer = unasked;
  sensitivity = unasked;
  resetSensitivity = unasked;
}

let api: FakeApi;
let store: LiveStore;
let now: number;

beforeEach(() => {
  vi.useFakeTimers();
  now = 100_000;
  api = new FakeApi();
  store = new LiveStore(api, { monotonic: () => now, wall: () => EPOCH + now });
});

afterEach(() => vi.useRealTimers());

const say = (event: object) => store.receive(JSON.stringify(event));
const camera = () => store.snapshot().cameras.get('c');
const open = () => [...store.snapshot().incidents.keys()];

describe('LiveStore', () => {
  it('asks REST on each connection and keeps what the line said since', async () => {
    store.setLink({ kind: 'open' });
    say(aScene(99_900));
    await vi.runAllTimersAsync();
    expect(camera()).toMatchObject({ name: 'Corridor', knownPercent: 40, aspect: 16 / 9 });
    expect(camera()?.scene?.value.time).toBe(at(99_900));
    expect(store.snapshot().epoch).toBe(1);
  });

  it('says why REST did not answer, and recovers', async () => {
    api.down = true;
    await store.load();
    expect(store.snapshot()).toMatchObject({ loaded: false, error: 'the cloud answered 500' });
    api.down = false;
    await store.load();
    expect(store.snapshot()).toMatchObject({ loaded: true, error: null });
  });

  it('counts a scene from REST as old as its own time says', async () => {
    await store.load();
    api.last = aScene(88_000, [aSubject(1, 0.5)]);
    await store.look('c');
    expect(now - (camera()?.scene?.at ?? 0)).toBe(12_000);
  });

  it('does not let a scene from REST replace a live one', async () => {
    await store.load();
    api.last = aScene(88_000);
    const looking = store.look('c');
    say(aScene(99_900));
    await looking;
    expect(camera()?.scene?.value.time).toBe(at(99_900));
  });

  it('announces what opens, once, and what grows worse', () => {
    const news = () => store.snapshot().news;
    say(anIncident('a', { severity: 'notice' }));
    expect(news()?.id).toBe('a');
    say(anIncident('b', { severity: 'notice' }));
    say(anIncident('a', { severity: 'notice', event: 'updated' }));
    expect(news()?.id).toBe('b');
    say(anIncident('a', { severity: 'alarm', event: 'updated' }));
    expect(news()).toMatchObject({ id: 'a', severity: 'alarm' });
    say(anIncident('c', { end: at(9) }));
    say(anIncident('b', { event: 'judged', severity: 'alarm', feedback: aFeedback('confirmed') }));
    expect(news()?.id).toBe('a');
    say(anIncident('c', { event: 'updated' }));
    expect(news()?.id).toBe('c');
    expect(open()).toEqual(['a', 'b', 'c']);
  });

  it('forgets what was closed while nobody listened, but not what just opened', async () => {
    say(anIncident('gone'));
    api.open = [anIncident('still')];
    api.meanwhile = () => say(anIncident('new'));
    await store.load();
    expect(open().sort()).toEqual(['new', 'still']);
  });

  it('does not reopen what closed while the older list was on its way', async () => {
    say(anIncident('a'));
    api.open = [anIncident('a')];
    api.meanwhile = () => say(anIncident('a', { end: at(5) }));
    await store.load();
    expect(store.snapshot().incidents.get('a')?.end).toBe(at(5));
  });

  it('draws lists a few times a second however fast scenes come', () => {
    say(aStatus());
    let told = 0;
    store.subscribe(() => {
      told += 1;
    });
    for (let i = 0; i < 100; i += 1) {
      say(aScene(i * 10));
      vi.advanceTimersByTime(10);
    }
    expect(told).toBe(1000 / SCENE_NOTIFY_MS);
  });

  it('asks for names and zones when an unknown camera speaks, once', async () => {
    say(aScene(0));
    say(aScene(100));
    await vi.runAllTimersAsync();
    expect(camera()?.name).toBe('Corridor');
    expect(api.asked).toBe(1);
  });

  it('ignores words of a newer cloud', () => {
    const before = store.snapshot();
    say({ type: 'weather', camera: 'c' });
    expect(store.snapshot()).toBe(before);
  });
});
