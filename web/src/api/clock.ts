/**
 * Two clocks: `monotonic` measures how long ago something arrived here; `wall` is the server's
 * time of day, so that a viewer whose own clock is wrong is not told that the picture is old.
 */
export interface Clock {
  /** Milliseconds since the page was opened; never jumps. */
  monotonic(): number;
  /** Milliseconds since 1970, as the server counts them. */
  wall(): number;
}

export class ServerClock implements Clock {
  #ahead = 0;

  monotonic(): number {
    return performance.now();
  }

  wall(): number {
    return Date.now() + this.#ahead;
  }

  /**
   * Learn the server's time from a response's Date header, which counts whole seconds. Differences
   * within that rounding and an ordinary round trip are left alone.
   */
  learn(date: string | null): void {
    const server = date === null ? Number.NaN : Date.parse(date);
    if (Number.isNaN(server)) return;
    const ahead = server + 500 - Date.now();
    this.#ahead = Math.abs(ahead) > 2000 ? ahead : 0;
  }
}
