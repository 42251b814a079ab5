import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  backOffMs,
  CONNECT_TIMEOUT_MS,
  FIRST_DELAY_MS,
  type LinkState,
  LiveSocket,
  LONGEST_DELAY_MS,
  SILENCE_MS,
  type Socket,
} from './socket';

class FakeSocket implements Socket {
  onopen: ((event: Event) => void) | null = null;
  onclose: ((event: CloseEvent) => void) | null = null;
  onmessage: ((event: MessageEvent) => void) | null = null;
  closed = false;

  open() {
    this.onopen?.(new Event('open'));
  }

  say(data: string) {
    this.onmessage?.({ data } as MessageEvent);
  }

  drop() {
    this.onclose?.({} as CloseEvent);
  }

  close() {
    this.closed = true;
  }
}

let sockets: FakeSocket[];
let states: LinkState[];
let heard: string[];
let live: LiveSocket;

beforeEach(() => {
  vi.useFakeTimers();
  sockets = [];
  states = [];
  heard = [];
  live = new LiveSocket({
    connect: () => {
      const socket = new FakeSocket();
      sockets.push(socket);
      return socket;
    },
    onMessage: (text) => heard.push(text),
    onState: (state) => states.push(state),
    random: () => 1,
  });
  live.start();
});

afterEach(() => {
  live.stop();
  vi.useRealTimers();
});

const last = () => {
  const socket = sockets.at(-1);
  if (socket === undefined) throw new Error('no socket');
  return socket;
};
const kinds = () => states.map(({ kind }) => kind);

describe('LiveSocket', () => {
  it('passes on what it hears', () => {
    last().open();
    last().say('one');
    expect(heard).toEqual(['one']);
    expect(kinds()).toEqual(['connecting', 'open']);
  });

  it('connects again after a loss, and waits longer each time', () => {
    const waits: number[] = [];
    for (let i = 0; i < 8; i += 1) {
      last().drop();
      const state = states.at(-1);
      if (state?.kind !== 'waiting') throw new Error('it does not wait');
      waits.push(state.retryInMs);
      const before = sockets.length;
      vi.advanceTimersByTime(state.retryInMs - 1);
      expect(sockets.length).toBe(before);
      vi.advanceTimersByTime(1);
      expect(sockets.length).toBe(before + 1);
    }
    expect(waits.slice(0, 5)).toEqual([500, 1000, 2000, 4000, 8000]);
    expect(waits.slice(5)).toEqual([LONGEST_DELAY_MS, LONGEST_DELAY_MS, LONGEST_DELAY_MS]);
  });

  it('starts from the shortest wait again once something was heard', () => {
    for (let i = 0; i < 4; i += 1) {
      last().drop();
      vi.advanceTimersByTime(LONGEST_DELAY_MS);
    }
    last().open();
    last().say('well');
    last().drop();
    expect(states.at(-1)).toMatchObject({ kind: 'waiting', retryInMs: FIRST_DELAY_MS });
  });

  it('does not hammer a cloud that accepts and closes at once', () => {
    last().open();
    last().drop();
    vi.advanceTimersByTime(LONGEST_DELAY_MS);
    last().open();
    last().drop();
    expect(states.at(-1)).toMatchObject({ kind: 'waiting', retryInMs: 2 * FIRST_DELAY_MS });
  });

  it('gives up a line that went silent, but not one that never spoke', () => {
    last().open();
    vi.advanceTimersByTime(10 * SILENCE_MS);
    expect(kinds()).toEqual(['connecting', 'open']);
    last().say('one');
    vi.advanceTimersByTime(SILENCE_MS);
    expect(states.at(-1)?.kind).toBe('waiting');
    expect(sockets[0]?.closed).toBe(true);
  });

  it('gives up a connection that does not come about', () => {
    vi.advanceTimersByTime(CONNECT_TIMEOUT_MS);
    expect(states.at(-1)?.kind).toBe('waiting');
  });

  it('does not wait when told to try now, and does not connect twice', () => {
    last().drop();
    live.retryNow();
    expect(sockets.length).toBe(2);
    live.retryNow();
    vi.advanceTimersByTime(LONGEST_DELAY_MS - 1);
    expect(sockets.length).toBe(2);
  });

  it('hears nothing more of a socket it let go', () => {
    const first = last();
    first.drop();
    live.retryNow();
    last().open();
    first.drop();
    expect(states.at(-1)?.kind).toBe('open');
  });

  it('stays stopped', () => {
    live.stop();
    last().drop();
    vi.advanceTimersByTime(10 * LONGEST_DELAY_MS);
    expect(sockets.length).toBe(1);
  });
});

it('spreads the return of many pages', () => {
  expect(backOffMs(0, 0)).toBe(FIRST_DELAY_MS / 2);
  expect(backOffMs(50, 0.999)).toBeLessThan(LONGEST_DELAY_MS);
});
