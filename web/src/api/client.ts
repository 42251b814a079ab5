import createClient from 'openapi-fetch';
import type { ServerClock } from './clock';
import type { paths } from './schema';
import type {
  Camera,
  CameraSensitivity,
  IncidentEvent,
  IncidentTrace,
  Recognizer,
  SceneEvent,
  Verdict,
} from './types';

export const PAGE_SIZE = 20;

export interface IncidentQuery {
  camera: string | null;
  open: boolean;
  /** Only those that opened before this incident. */
  before: string | null;
}

/** What the page asks over REST; errors are thrown with a line that can be shown. */
export interface Api {
  cameras(): Promise<readonly Camera[]>;
  /** The newest first; at most `PAGE_SIZE` closed ones. */
  incidents(query: IncidentQuery): Promise<readonly IncidentEvent[]>;
  /** The latest scene of a camera, or null if there is none since the cloud started. */
  scene(camera: string): Promise<SceneEvent | null>;
  plate(digest: string): Promise<ImageBitmap>;
  /** Say what an incident was, or with null take it back; answers with the incident. */
  judge(incident: string, verdict: Verdict | null, note: string): Promise<IncidentEvent>;
  /** How those an incident is about went up and down. */
  trace(incident: string): Promise<IncidentTrace>;
  recognizer(): Promise<Recognizer>;
  sensitivity(camera: string): Promise<CameraSensitivity>;
  /** As sensitive as if nobody had said anything. */
  resetSensitivity(camera: string): Promise<CameraSensitivity>;
}

export function createApi(origin: string, clock: ServerClock): Api {
  const client = createClient<paths>({ baseUrl: origin, cache: 'no-store' });
  client.use({
    onResponse: ({ response }) => {
      clock.learn(response.headers.get('date'));
    },
  });
  return {
    async cameras() {
      const { data, response } = await client.GET('/api/v1/cameras');
      if (data === undefined) throw new Error(`cameras: the cloud answered ${response.status}`);
      return data as Camera[]; // the client's types lose the lengths of tuples
    },
    async incidents({ camera, open, before }) {
      const { data, response } = await client.GET('/api/v1/incidents', {
        params: {
          query: {
            state: open ? 'open' : 'closed',
            limit: open ? 200 : PAGE_SIZE,
            ...(camera === null ? {} : { camera }),
            ...(before === null ? {} : { before }),
          },
        },
      });
      if (data === undefined) throw new Error(`incidents: the cloud answered ${response.status}`);
      return data;
    },
    async scene(camera) {
      const { data, response } = await client.GET('/api/v1/cameras/{camera}/scene', {
        params: { path: { camera } },
      });
      if (response.status === 404) return null;
      if (data === undefined) throw new Error(`scene: the cloud answered ${response.status}`);
      return data as SceneEvent;
    },
    async judge(incident, verdict, note) {
      const params = { path: { incident } };
      const path = '/api/v1/incidents/{incident}/feedback';
      const { data, error, response } =
        verdict === null
          ? await client.DELETE(path, { params })
          : await client.PUT(path, { params, body: { verdict, note } });
      if (data === undefined) throw new Error(why(error, response));
      return data;
    },
    async trace(incident) {
      const params = { path: { incident } };
      const path = '/api/v1/incidents/{incident}/trace';
      const { data, error, response } = await client.GET(path, { params });
      if (data === undefined) throw new Error(why(error, response));
      return data;
    },
    async recognizer() {
      const { data, response } = await client.GET('/api/v1/recognizer');
      if (data === undefined) throw new Error(`recognizer: the cloud answered ${response.status}`);
      return data;
    },
    async sensitivity(camera) {
      const params = { path: { camera } };
      const { data, error, response } = await client.GET('/api/v1/cameras/{camera}/sensitivity', {
        params,
      });
      if (data === undefined) throw new Error(why(error, response));
      return data;
    },
    async resetSensitivity(camera) {
      const params = { path: { camera } };
      const { data, error, response } = await client.DELETE(
        '/api/v1/cameras/{camera}/sensitivity',
        { params },
      );
      if (data === undefined) throw new Error(why(error, response));
      return data;
    },
    async plate(digest) {
      // A digest names its content, so a plate may be kept for ever.
      const response = await fetch(`${origin}/api/v1/plates/${encodeURIComponent(digest)}`, {
        cache: 'force-cache',
      });
      if (!response.ok) throw new Error(`plate ${digest}: the cloud answered ${response.status}`);
      return createImageBitmap(await response.blob());
    },
  };
}

/** The cloud's own sentence where it gave one. */
function why(error: unknown, response: Response): string {
  const detail = (error as { detail?: unknown } | undefined)?.detail;
  return typeof detail === 'string' ? detail : `the cloud answered ${response.status}`;
}
