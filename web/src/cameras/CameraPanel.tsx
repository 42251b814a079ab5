import { Info, Users } from 'lucide-react';
import { useEffect } from 'react';
import type { Severity } from '../api/types';
import { duration, people, percent, subjectName } from '../format';
import { byUrgency, isOpen } from '../incidents/book';
import { usePage, useSnapshot, useTick } from '../live/context';
import { type Freshness, freshness } from '../live/freshness';
import type { CameraLive } from '../live/store';
import { Pill } from '../Pill';
import { SceneCanvas } from '../scene/SceneCanvas';
import { BEHAVIOR } from '../words';
import css from './CameraPanel.module.css';
import { Health } from './Health';
import { Subjects } from './Subjects';
import { FRESHNESS } from './tone';

/** One camera: picture, who does what, and how the camera is. */
export function CameraPanel({ camera }: { readonly camera: CameraLive }) {
  const { clock, store } = usePage();
  const { link, incidents, epoch } = useSnapshot();
  useTick(500);
  const fresh = freshness(camera, link, clock.monotonic(), clock.wall());
  const { icon, tone } = FRESHNESS[fresh.kind];
  const scene = camera.scene?.value ?? null;
  const marked = new Map<number, Severity>();
  const open = [...incidents.values()].filter((each) => each.camera === camera.id && isOpen(each));
  for (const incident of open.sort(byUrgency).reverse()) {
    for (const subject of incident.subjects) marked.set(subject, incident.severity);
  }
  // biome-ignore lint/correctness/useExhaustiveDependencies: every new connection looks again
  useEffect(() => void store.look(camera.id), [store, camera.id, epoch]);
  const current = fresh.live || fresh.kind === 'late';

  return (
    <section className={css.panel} aria-labelledby={`camera-${camera.id}`} data-kind={fresh.kind}>
      <header className={css.header}>
        <h2 id={`camera-${camera.id}`} className={css.name}>
          {camera.name}
        </h2>
        <Pill tone={tone} icon={icon} strong={tone === 'alarm'}>
          {fresh.label}
        </Pill>
        <span className={css.count} data-testid="person-count">
          <Users size={18} aria-hidden="true" />
          {scene !== null && current
            ? `${people(scene.person_count)}${fresh.live ? '' : ' then'}`
            : 'count not known'}
        </span>
      </header>
      <div className={css.stage}>
        <SceneCanvas
          camera={camera}
          fresh={fresh}
          marked={marked}
          label={describe(camera, fresh)}
        />
        {!fresh.live && <NotLive fresh={fresh} />}
        {fresh.live && <Unlearnt camera={camera} />}
      </div>
      <Subjects
        scene={current ? scene : null}
        heading={
          fresh.live ? 'Behaviour now' : fresh.kind === 'late' ? 'Behaviour then' : 'Behaviour'
        }
        marked={marked}
      />
      <Health status={camera.status} knownPercent={camera.knownPercent} />
    </section>
  );
}

/** Below this share of the room the picture says what the plain grey in it means. */
const NEARLY_LEARNT_PERCENT = 90;

function Unlearnt({ camera }: { readonly camera: CameraLive }) {
  const known = camera.plate === null ? 0 : camera.knownPercent;
  if (known === null || known >= NEARLY_LEARNT_PERCENT) return null;
  return (
    <p className={css.unlearnt}>
      <Info size={15} aria-hidden="true" />
      {known === 0
        ? 'The room is not learnt yet. It appears bit by bit, only where nobody was for a while.'
        : `${known} % of the room is learnt. Plain grey is not yet.`}
    </p>
  );
}

/** Across the picture: it is not live, why, and how old what is drawn is. */
function NotLive({ fresh }: { readonly fresh: Freshness }) {
  const { icon: Icon, tone } = FRESHNESS[fresh.kind];
  return (
    <div className={css.notLive} data-tone={tone} data-testid="not-live">
      <div className={css.message}>
        <Icon size={26} aria-hidden="true" />
        <div>
          <strong>{fresh.label}</strong>
          {fresh.lastSeenMs !== null && fresh.kind !== 'late' && (
            <span className={css.lastSeen}>last seen {duration(fresh.lastSeenMs)} ago</span>
          )}
          <div className={css.why}>{fresh.detail}</div>
        </div>
      </div>
    </div>
  );
}

function describe(camera: CameraLive, fresh: Freshness): string {
  const scene = camera.scene?.value ?? null;
  if (scene === null) return `${camera.name}: no picture. ${fresh.detail}`;
  if (!fresh.live) return `${camera.name}: not live. ${fresh.detail}`;
  const who = scene.subjects
    .map(
      ({ id, behavior, confidence }) =>
        `${subjectName(id)} ${BEHAVIOR[behavior]} ${percent(confidence)}`,
    )
    .join(', ');
  return `${camera.name}, live: ${people(scene.person_count)}${who === '' ? '' : `: ${who}`}`;
}
