/** The live WebSocket: opens, tells when it closes, and opens again with back-off. */

export type LinkState =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'open' }
  | { readonly kind: 'waiting'; readonly attempt: number; readonly retryInMs: number };

/** The part of the browser's WebSocket that is used; a fake stands in for it in tests. */
export interface Socket {
  onopen: ((event: Event) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;
  onmessage: ((event: MessageEvent) => void) | null;
  close(): void;
}

export interface LiveSocketOptions {
  readonly connect: () => Socket;
  readonly onMessage: (text: string) => void;
  readonly onState: (state: LinkState) => void;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

export const FIRST_DELAY_MS = 500;
export const LONGEST_DELAY_MS = 10_000;
/** Every camera says its status each 5 s; a line this quiet after it has spoken is dead. */
export const SILENCE_MS = 20_000;
export const CONNECT_TIMEOUT_MS = 10_000;

/** Exponential back-off with jitter, so that many pages do not return at the same instant. */
export function backOffMs(attempt: number, random: number): number {
  return Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** attempt) * (0.5 + random / 2);
}

export class LiveSocket {
  readonly #options: LiveSocketOptions;
  #socket: Socket | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #attempt = 0;
  #stopped = true;

  constructor(options: LiveSocketOptions) {
    this.#options = options;
  }

  start(): void {
    if (!this.#stopped) return;
    this.#stopped = false;
    this.#open();
  }

  stop(): void {
    this.#stopped = true;
    this.#drop();
  }

  /** Stop waiting and try now: the network came back, or the viewer asked. */
  retryNow(): void {
    if (this.#stopped || this.#socket !== null) return;
    this.#open();
  }

  #open(): void {
    this.#drop();
    this.#options.onState({ kind: 'connecting' });
    const socket = this.#options.connect();
    this.#socket = socket;
    this.#watch(CONNECT_TIMEOUT_MS);
    socket.onopen = () => {
      clearTimeout(this.#timer);
      this.#options.onState({ kind: 'open' });
    };
    socket.onmessage = (event: MessageEvent) => {
      this.#attempt = 0;
      this.#watch(SILENCE_MS);
      if (typeof event.data === 'string') this.#options.onMessage(event.data);
    };
    socket.onclose = () => this.#lost();
  }

  #watch(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#lost(), ms);
  }

  #lost(): void {
    this.#drop();
    const retryInMs = backOffMs(this.#attempt, this.#options.random());
    this.#attempt += 1;
    this.#options.onState({ kind: 'waiting', attempt: this.#attempt, retryInMs });
    this.#timer = setTimeout(() => this.#open(), retryInMs);
  }

  #drop(): void {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    if (socket === null) return;
    socket.onopen = socket.onclose = socket.onmessage = null;
    socket.close();
  }
}
