/** All that the page knows now. React reads it through `useSyncExternalStore`. */
import type { Api } from '../api/client';
import type { Clock } from '../api/clock';
import type { Camera, IncidentEvent, LiveEvent, SceneEvent, StatusEvent } from '../api/types';
import { type Book, hear, hearJudged, isOpen, isWorse, reconcile } from '../incidents/book';
import { Playout } from '../scene/playout';
import type { CameraNow, Received } from './freshness';
import type { LinkState } from './socket';

export interface CameraLive extends CameraNow {
  readonly id: string;
  readonly name: string;
  readonly zones: Camera['zones'];
  /** width / height of the camera's image, or null before anything came. */
  readonly aspect: number | null;
  /** Digest of the current plate. */
  readonly plate: string | null;
  /** Share of the room that has been seen without people, percent. */
  readonly knownPercent: number | null;
}

export interface Snapshot {
  readonly link: LinkState;
  /** False until REST has answered once. */
  readonly loaded: boolean;
  /** Why the last REST call failed, or null. */
  readonly error: string | null;
  readonly cameras: ReadonlyMap<string, CameraLive>;
  readonly incidents: Book;
  /** How often the page has (re)connected: history is asked for again when it changes. */
  readonly epoch: number;
  /** The last incident that opened or grew worse, to be announced. */
  readonly news: IncidentEvent | null;
}

/** Lists are drawn at most this often; the picture itself is drawn from the playout. */
export const SCENE_NOTIFY_MS = 250;

const EMPTY: Snapshot = {
  link: { kind: 'connecting' },
  loaded: false,
  error: null,
  cameras: new Map(),
  incidents: new Map(),
  epoch: 0,
  news: null,
};

export class LiveStore {
  readonly #api: Api;
  readonly #clock: Clock;
  readonly #listeners = new Set<() => void>();
  readonly #playouts = new Map<string, Playout>();
  #state: Snapshot = EMPTY;
  #touched = new Set<string>();
  #pending: ReturnType<typeof setTimeout> | undefined;
  #asking: Promise<void> | undefined;

  constructor(api: Api, clock: Clock) {
    this.#api = api;
    this.#clock = clock;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly snapshot = (): Snapshot => this.#state;

  playout(camera: string): Playout {
    let playout = this.#playouts.get(camera);
    if (playout === undefined) {
      playout = new Playout();
      this.#playouts.set(camera, playout);
    }
    return playout;
  }

  setLink(link: LinkState): void {
    this.#set({ link });
    if (link.kind === 'open') void this.load();
  }

  /** Ask REST for the whole state; called on every (re)connection. */
  async load(): Promise<void> {
    const touched = new Set<string>();
    this.#touched = touched;
    try {
      const [cameras, open] = await Promise.all([
        this.#api.cameras(),
        this.#api.incidents({ camera: null, open: true, before: null }),
      ]);
      if (this.#touched !== touched) return; // asked again meanwhile
      this.#set({
        loaded: true,
        error: null,
        cameras: this.#withListed(cameras),
        incidents: reconcile(this.#state.incidents, open, touched),
        epoch: this.#state.epoch + 1,
      });
    } catch (error) {
      this.#set({ error: error instanceof Error ? error.message : String(error) });
    }
  }

  /** Ask for a camera's last scene, where the live line has not brought one yet. */
  async look(camera: string): Promise<void> {
    const known = this.#state.cameras.get(camera);
    if (known === undefined || known.scene !== null || known.aspect === null) return;
    const scene = await this.#api.scene(camera).catch(() => null);
    if (scene === null || this.#state.cameras.get(camera)?.scene) return;
    this.#update(camera, { scene: this.#since(scene) });
    this.#tell();
  }

  /** Take one message of the live line. Anything unknown is ignored: a newer cloud may say more. */
  receive(text: string): void {
    const event = JSON.parse(text) as LiveEvent;
    if (event.type === 'scene') this.#scene(event);
    else if (event.type === 'status') this.#status(event);
    else if (event.type === 'incident') this.#incident(event);
  }

  /** Take an incident that REST answered with when it was judged here. */
  judged(incident: IncidentEvent): void {
    this.#set({ incidents: hearJudged(this.#state.incidents, incident) });
  }

  #scene(scene: SceneEvent): void {
    const at = this.#clock.monotonic();
    this.playout(scene.camera).push(scene, at);
    const known = this.#state.cameras.get(scene.camera);
    this.#update(scene.camera, {
      scene: { value: scene, at },
      plate: scene.plate,
      aspect: scene.width / scene.height,
    });
    // A camera or plate that was not known: REST has its name, zones and share of the room.
    if (known === undefined || known.plate !== scene.plate) this.#askForCameras();
    this.#pending ??= setTimeout(() => {
      this.#pending = undefined;
      this.#tell();
    }, SCENE_NOTIFY_MS);
  }

  #askForCameras(): void {
    this.#asking ??= this.#api
      .cameras()
      .then((cameras) => this.#set({ cameras: this.#withListed(cameras) }))
      .catch(() => undefined) // the next connection asks again
      .finally(() => {
        this.#asking = undefined;
      });
  }

  #status(status: StatusEvent): void {
    this.#update(status.camera, { status: { value: status, at: this.#clock.monotonic() } });
    this.#tell();
  }

  #incident(incident: IncidentEvent): void {
    this.#touched.add(incident.id);
    const known = this.#state.incidents.get(incident.id);
    const isNews =
      incident.event !== 'judged' &&
      isOpen(incident) &&
      (known === undefined || !isOpen(known) || isWorse(known, incident));
    this.#set({
      incidents: hear(this.#state.incidents, incident),
      ...(isNews ? { news: incident } : {}),
    });
  }

  #withListed(listed: readonly Camera[]): ReadonlyMap<string, CameraLive> {
    const cameras = new Map<string, CameraLive>();
    for (const { id, name, zones, status, ...rest } of listed) {
      const known = this.#state.cameras.get(id);
      const { width, height } = rest;
      cameras.set(id, {
        id,
        name,
        zones,
        aspect: width === null || height === null ? null : width / height,
        plate: rest.plate,
        knownPercent: rest.plate_known_percent,
        scene: known?.scene ?? null,
        status: newer(known?.status ?? null, status && this.#since(status)),
      });
    }
    return cameras;
  }

  /** REST says when a thing was; how long ago that is counts as its time of arrival. */
  #since<T extends { readonly time: string }>(value: T): Received<T> {
    const ago = Math.max(0, this.#clock.wall() - Date.parse(value.time));
    return { value, at: this.#clock.monotonic() - ago };
  }

  #update(id: string, change: Partial<CameraLive>): void {
    const known = this.#state.cameras.get(id) ?? {
      id,
      name: id,
      zones: [],
      aspect: null,
      plate: null,
      knownPercent: null,
      scene: null,
      status: null,
    };
    const cameras = new Map(this.#state.cameras).set(id, { ...known, ...change });
    this.#state = { ...this.#state, cameras };
  }

  #set(change: Partial<Snapshot>): void {
    this.#state = { ...this.#state, ...change };
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

function newer<T>(a: Received<T> | null, b: Received<T> | null): Received<T> | null {
  if (a === null || b === null) return a ?? b;
  return b.at > a.at ? b : a;
}
