/** A cloud that says exactly what the test wants; its words have the generated client's types. */
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { type WebSocket, WebSocketServer } from 'ws';
import type {
  Behavior,
  Camera,
  CameraSensitivity,
  IncidentEvent,
  IncidentTrace,
  LiveEvent,
  Recognizer,
  SceneEvent,
  StatusEvent,
  SubjectScene,
} from '../src/api/types';

/** A flat picture of no place, WebP. */
const PLATE = Buffer.from(
  'UklGRm4AAABXRUJQVlA4IGIAAAAwBQCdASpAACQAPu1iqU2ppaQiMrtoATAdiWUAwZivsZZY6GFq6mCK9HPLNY01yO60' +
    'AAD+61vX4F941DfdjB//+l7Qx8BAujg1CZtP5iagnOCCBy8gqq90/mWm+6LkAAAAAAA==',
  'base64',
);
export const DIGEST = '00112233aabbccdd';

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

/** As the real cloud sends it. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; " +
  "img-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'; " +
  "frame-ancestors 'none'";

export class FakeCloud {
  cameras: Camera[] = [];
  incidents: IncidentEvent[] = [];
  plate: Buffer = PLATE;
  recognizer: Recognizer = {
    version: '2026-11-21',
    sha256: '5f1c'.repeat(16),
    behaviors: [about('fall', 'real: GMDCSA24, UP-Fall', 0.62), about('push', null, 0.7)],
  };
  /** When true, nothing can be stored. */
  full = false;
  readonly #discounted = new Set<string>();
  readonly #root: string;
  readonly #scenes = new Map<string, SceneEvent>();
  #server: Server | undefined;
  #sockets: WebSocketServer | undefined;
  #port = 0;
  #frame = 0;

  /** Args: root: folder of the built page. */
  constructor(root: string) {
    this.#root = root;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/`;
  }

  /** Listen; the second time on the same port as the first. */
  async start(): Promise<void> {
    const server = createServer((request, response) => void this.#answer(request, response));
    const sockets = new WebSocketServer({ server, path: '/api/v1/live' });
    sockets.on('connection', (socket) => this.#welcome(socket));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#port, '127.0.0.1', resolve);
    });
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
    this.#sockets = sockets;
  }

  /** Go away as a killed process does. */
  async stop(): Promise<void> {
    for (const socket of this.#sockets?.clients ?? []) socket.terminate();
    this.#sockets?.close();
    const server = this.#server;
    server?.closeAllConnections();
    await new Promise((resolve) => (server === undefined ? resolve(null) : server.close(resolve)));
  }

  send(event: LiveEvent): void {
    for (const socket of this.#sockets?.clients ?? []) socket.send(JSON.stringify(event));
  }

  addCamera(id: string, name: string, change: Partial<Camera> = {}): void {
    this.cameras.push({
      id,
      name,
      width: 640,
      height: 360,
      zones: [],
      plate: null,
      plate_known_percent: null,
      status: null,
      person_count: null,
      ...change,
    });
  }

  scene(camera: string, subjects: SubjectScene[], change: Partial<SceneEvent> = {}): void {
    this.#frame += 3;
    const scene: SceneEvent = {
      type: 'scene',
      camera,
      frame_id: this.#frame,
      time: new Date().toISOString(),
      width: 640,
      height: 360,
      plate: this.cameras.find(({ id }) => id === camera)?.plate ?? null,
      person_count: subjects.length,
      subjects,
      abnormal: false,
      ...change,
    };
    this.#scenes.set(camera, scene);
    this.send(scene);
  }

  status(camera: string, change: Partial<StatusEvent> = {}): void {
    const status: StatusEvent = {
      type: 'status',
      camera,
      time: new Date().toISOString(),
      state: 'streaming',
      connected: true,
      frames_in: 5400,
      frames_dropped: 12,
      fps: 29.9,
      capture_to_pipe_p50_ms: 21.4,
      capture_to_pipe_p95_ms: 38.2,
      restarts: 0,
      spooled: 0,
      sandboxed: true,
      ...change,
    };
    this.cameras = this.cameras.map((each) => (each.id === camera ? { ...each, status } : each));
    this.send(status);
  }

  /** Open, change or close an incident, as REST and the live line then tell. */
  incident(incident: IncidentEvent): void {
    this.incidents = [incident, ...this.incidents.filter(({ id }) => id !== incident.id)];
    this.send(incident);
  }

  #welcome(socket: WebSocket): void {
    for (const { status } of this.cameras) if (status) socket.send(JSON.stringify(status));
    for (const incident of this.incidents) {
      if (incident.end === null) socket.send(JSON.stringify(incident));
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url);
    response.setHeader('Content-Security-Policy', POLICY);
    const body = await this.#said(request, url, response).then((found) =>
      found === undefined ? this.#rest(url) : found,
    );
    if (body !== undefined) {
      if (body === null) response.writeHead(404).end('{"detail": "there is none"}');
      else response.setHeader('Content-Type', 'application/json').end(JSON.stringify(body));
      return;
    }
    if (url.pathname === `/api/v1/plates/${DIGEST}`) {
      response.setHeader('Content-Type', 'image/webp').end(this.plate);
      return;
    }
    const path = url.pathname === '/' ? 'index.html' : normalize(url.pathname).slice(1);
    try {
      const file = await readFile(join(this.#root, path));
      response.setHeader('Content-Type', TYPES[extname(path)] ?? 'application/octet-stream');
      response.end(file);
    } catch {
      response.writeHead(404).end();
    }
  }

  /** Takes what operators say; undefined: they say nothing. */
  async #said(
    request: IncomingMessage,
    url: URL,
    response: ServerResponse,
  ): Promise<object | null | undefined> {
    if (request.method !== 'PUT' && request.method !== 'DELETE') return undefined;
    if (this.full) {
      response.statusCode = 507;
      return { detail: 'cloud.sqlite: no room left on the disk; make some' };
    }
    const camera = /^\/api\/v1\/cameras\/([^/]+)\/sensitivity$/.exec(url.pathname)?.[1];
    if (camera !== undefined) {
      for (const { id } of this.incidents) this.#discounted.add(id);
      return this.#sensitivity(camera);
    }
    const id = /^\/api\/v1\/incidents\/([^/]+)\/feedback$/.exec(url.pathname)?.[1];
    const known = this.incidents.find((incident) => incident.id === id);
    if (known === undefined) return null;
    let feedback: IncidentEvent['feedback'] = null;
    if (request.method === 'PUT') {
      let text = '';
      for await (const chunk of request) text += chunk;
      feedback = { note: '', ...JSON.parse(text), time: new Date().toISOString() };
    }
    this.#discounted.delete(known.id);
    const judged: IncidentEvent = { ...known, event: 'judged', feedback };
    this.incident(judged);
    return judged;
  }

  /** A fall of half a second. */
  #trace(id: string): IncidentTrace | null {
    const incident = this.incidents.find((each) => each.id === id);
    if (incident === undefined) return null;
    const points = Array.from({ length: 60 }, (_, i) => {
      const s = i / 10 - 2.5;
      const down = Math.min(1, Math.max(0, s / 0.5));
      return { s, head: 0.62 - 0.42 * down, hips: 0.4 - 0.24 * down };
    });
    const subjects = incident.subjects.map((subject) => ({ id: subject, points }));
    return { incident: id, opened_s: 0.8, subjects };
  }

  #sensitivity(camera: string): CameraSensitivity {
    const said = this.incidents.filter(
      (each) =>
        each.camera === camera && each.behavior === 'fall' && !this.#discounted.has(each.id),
    );
    const count = (verdict: string) =>
      said.filter(({ feedback }) => feedback?.verdict === verdict).length;
    const [confirmed, falseAlarms] = [count('confirmed'), count('false_alarm')];
    const behaviors = [
      {
        behavior: 'fall' as const,
        base: 0.5,
        adapted: falseAlarms > confirmed ? 0.6 : 0.5,
        confirmed,
        false_alarms: falseAlarms,
      },
    ];
    return { camera, behaviors };
  }

  /** The answer to a REST request; null: not found; undefined: not REST. */
  #rest(url: URL): object | null | undefined {
    if (url.pathname === '/api/v1/cameras') return this.cameras;
    if (url.pathname === '/api/v1/recognizer') return this.recognizer;
    const told = /^\/api\/v1\/incidents\/([^/]+)\/trace$/.exec(url.pathname)?.[1];
    if (told !== undefined) return this.#trace(told);
    const asked = /^\/api\/v1\/cameras\/([^/]+)\/sensitivity$/.exec(url.pathname)?.[1];
    if (asked !== undefined) return this.#sensitivity(asked);
    if (url.pathname === '/api/v1/incidents') {
      const wanted = url.searchParams.get('state');
      const found = this.incidents.filter(
        ({ end }) => wanted === null || (end === null ? 'open' : 'closed') === wanted,
      );
      found.sort((a, b) => Date.parse(b.start) - Date.parse(a.start));
      const before = found.findIndex(({ id }) => id === url.searchParams.get('before'));
      return found.slice(before + 1, before + 1 + Number(url.searchParams.get('limit') ?? 50));
    }
    const scene = /^\/api\/v1\/cameras\/([^/]+)\/scene$/.exec(url.pathname)?.[1];
    return scene === undefined ? undefined : (this.#scenes.get(scene) ?? null);
  }
}

/** What the recognizer says of a behaviour; `validation` null: not validated. */
export function about(
  behavior: Behavior,
  validation: string | null,
  threshold: number | null = null,
): Recognizer['behaviors'][number] {
  return {
    behavior,
    validated: validation !== null,
    validation: validation ?? 'not validated on real people',
    threshold,
    budget: threshold === null ? null : 1,
  };
}
