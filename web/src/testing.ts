/** Small whole events for tests; each test names only what it is about. */
import type { IncidentEvent, SceneEvent, StatusEvent, SubjectScene, Verdict } from './api/types';

export const EPOCH = Date.parse('2026-03-01T12:00:00.000Z');

export function at(ms: number): string {
  return new Date(EPOCH + ms).toISOString();
}

export function aSubject(id: number, u: number, change: Partial<SubjectScene> = {}): SubjectScene {
  return {
    id,
    keypoints: Array.from({ length: 17 }, () => [u, 0.5, 1] as [number, number, number]),
    head: null,
    box_xyxy: [u - 0.05, 0.3, u + 0.05, 0.7],
    behavior: 'walk',
    confidence: 0.9,
    ...change,
  };
}

export function aScene(ms: number, subjects: SubjectScene[] = []): SceneEvent {
  return {
    type: 'scene',
    camera: 'c',
    frame_id: ms,
    time: at(ms),
    width: 640,
    height: 360,
    plate: null,
    person_count: subjects.length,
    subjects,
    abnormal: false,
  };
}

export function aStatus(change: Partial<StatusEvent> = {}): StatusEvent {
  return {
    type: 'status',
    camera: 'c',
    time: at(0),
    state: 'streaming',
    connected: true,
    frames_in: 100,
    frames_dropped: 0,
    fps: 25,
    capture_to_pipe_p50_ms: 20,
    capture_to_pipe_p95_ms: 40,
    restarts: 0,
    spooled: 0,
    sandboxed: true,
    ...change,
  };
}

export function aFeedback(verdict: Verdict, note = ''): NonNullable<IncidentEvent['feedback']> {
  return { verdict, note, time: at(5000) };
}

export function anIncident(id: string, change: Partial<IncidentEvent> = {}): IncidentEvent {
  return {
    type: 'incident',
    event: change.end ? 'closed' : 'opened',
    id,
    camera: 'c',
    behavior: 'fall',
    severity: 'alarm',
    start: at(0),
    opened: at(800),
    end: null,
    confidence: 0.9,
    subjects: [],
    measures: [],
    reason: 'Because.',
    validated: true,
    feedback: null,
    ...change,
  };
}
