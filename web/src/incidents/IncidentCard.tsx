import type { IncidentEvent } from '../api/types';
import { duration, fullTime, measure, percent, subjectName, timeOfDay } from '../format';
import { usePage, useSnapshot } from '../live/context';
import { Pill } from '../Pill';
import { BEHAVIOR, capitalise, SEVERITY } from '../words';
import { isOpen } from './book';
import css from './IncidentCard.module.css';
import { lastedMs } from './lasted';
import { SEVERITY_ICON } from './severity';

/** One incident: what, how sure, why in words and numbers, when and who. */
export function IncidentCard({ incident }: { readonly incident: IncidentEvent }) {
  const { clock } = usePage();
  const { cameras } = useSnapshot();
  const open = isOpen(incident);
  const camera = cameras.get(incident.camera);
  const lasted = lastedMs(incident, camera?.scene ?? null, clock.monotonic(), clock.wall());
  const now = clock.wall();
  return (
    <li
      className={css.card}
      data-severity={incident.severity}
      data-open={open || undefined}
      data-testid={open ? 'open-incident' : 'closed-incident'}
    >
      <div className={css.head}>
        <Pill tone={incident.severity} icon={SEVERITY_ICON[incident.severity]} strong={open}>
          {SEVERITY[incident.severity]}
        </Pill>
        <h4 className={css.what}>{capitalise(BEHAVIOR[incident.behavior])}</h4>
        <span className={css.lasted}>
          {open ? `open for ${duration(lasted)}` : duration(lasted)}
        </span>
      </div>
      <p className={css.reason}>{incident.reason}</p>
      {incident.measures.length > 0 && (
        <dl className={css.measures}>
          {incident.measures.map(measure).map(({ name, text }) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{text}</dd>
            </div>
          ))}
        </dl>
      )}
      <div className={css.facts}>
        <span>
          <time dateTime={incident.start} title={fullTime(incident.start)}>
            {timeOfDay(incident.start, now)}
          </time>
          {' – '}
          {incident.end === null ? (
            'still open'
          ) : (
            <time dateTime={incident.end} title={fullTime(incident.end)}>
              {timeOfDay(incident.end, now)}
            </time>
          )}
        </span>
        <span>{percent(incident.confidence)} sure</span>
        <span>{camera?.name ?? incident.camera}</span>
        {incident.subjects.map((id) => (
          <span key={id} className={css.subject}>
            {subjectName(id)}
          </span>
        ))}
      </div>
    </li>
  );
}
