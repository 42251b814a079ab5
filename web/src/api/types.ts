/** The cloud's words under short names; the definitions are generated from its OpenAPI. */
import type { components } from './schema';

type Schemas = components['schemas'];

export type Behavior = Schemas['Behavior'];
export type CameraState = Schemas['CameraState'];
export type Verdict = Schemas['Verdict'];
export type Recognizer = Schemas['Recognizer'];
export type CameraSensitivity = Schemas['CameraSensitivity'];
export type Severity = Schemas['Severity'];
export type Measure = Schemas['Measure'];
export type Zone = Schemas['Zone'];
export type Camera = Schemas['Camera'];

export type Head = Schemas['Head'];
export type SubjectScene = Schemas['SubjectScene'];
export type SceneEvent = Schemas['SceneEvent'];
export type IncidentEvent = Schemas['IncidentEvent'];
export type StatusEvent = Schemas['StatusEvent'];
export type IncidentTrace = Schemas['IncidentTrace'];
export type LiveEvent = SceneEvent | IncidentEvent | StatusEvent;
