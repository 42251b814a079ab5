import type { IncidentEvent } from '../api/types';
import { delay, duration, fullTime, measure, percent, subjectName, timeOfDay } from '../format';
import { usePage, useSnapshot } from '../live/context';
import { Pill } from '../Pill';
import { NotValidated } from '../recognizer/NotValidated';
import { BEHAVIOR, capitalise, SEVERITY } from '../words';
import { isFalse, isOpen } from './book';
import css from './IncidentCard.module.css';
import { lastedMs } from './lasted';
import { SEVERITY_ICON } from './severity';
import { Trace } from './Trace';
import { VerdictBar } from './VerdictBar';

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
      data-false={isFalse(incident) || undefined}
      data-testid={open ? 'open-incident' : 'closed-incident'}
    >
      <div className={css.head}>
        <Pill tone={incident.severity} icon={SEVERITY_ICON[incident.severity]} strong={open}>
          {SEVERITY[incident.severity]}
        </Pill>
        <h4 className={css.what}>{capitalise(BEHAVIOR[incident.behavior])}</h4>
        {!incident.validated && <NotValidated behavior={incident.behavior} />}
        <span className={css.lasted}>
          {open ? `open for ${duration(lasted)}` : duration(lasted)}
        </span>
      </div>
      <p className={css.reason}>{incident.reason}</p>
      {incident.measures.length > 0 && (
        <dl className={css.measures}>
          {incident.measures.map(measure).map(({ name, number, unit }) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>
                {number} <span className={css.unit}>{unit}</span>
              </dd>
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
        <span title="From its beginning, as the poses tell it, to the alarm, by the camera’s clock">
          told after {delay(incident.start, incident.opened)}
        </span>
        <span>{percent(incident.confidence)} sure</span>
        <span>{camera?.name ?? incident.camera}</span>
        {incident.subjects.map((id) => (
          <span key={id} className={css.subject}>
            {subjectName(id)}
          </span>
        ))}
      </div>
      <Trace incident={incident} />
      <VerdictBar incident={incident} />
    </li>
  );
}
