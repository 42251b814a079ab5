import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { IncidentEvent, IncidentTrace } from '../api/types';
import { quantity, subjectName } from '../format';
import { usePage } from '../live/context';
import { across, HEIGHT, line, WIDTH } from './chart';
import css from './Trace.module.css';

/** The cloud tells four seconds after the alarm, and it takes a moment until it has them. */
const STILL_COMING_MS = 8000;
/** More than a fight; a crowd would fill the page. */
const MOST_SUBJECTS = 4;

/** How those an incident is about went up and down, asked for when somebody wants to know. */
export function Trace({ incident }: { readonly incident: IncidentEvent }) {
  const { api, clock } = usePage();
  const [wanted, setWanted] = useState(false);
  const { data, isError } = useQuery({
    queryKey: ['trace', incident.id],
    queryFn: () => api.trace(incident.id),
    enabled: wanted,
    staleTime: 10_000,
    // Just after an alarm the rest of it is still on its way.
    refetchInterval: () =>
      clock.wall() - Date.parse(incident.opened) < STILL_COMING_MS ? 2000 : false,
    retry: false,
  });
  if (incident.subjects.length === 0) return null;
  return (
    <details className={css.trace} onToggle={(event) => setWanted(event.currentTarget.open)}>
      <summary>How it went</summary>
      {isError ? (
        <p className={css.none}>Not known: the cloud does not answer.</p>
      ) : data === undefined ? (
        <p className={css.none}>Asking …</p>
      ) : data.subjects.length === 0 ? (
        <p className={css.none}>The movements of then are no longer kept.</p>
      ) : (
        <Chart trace={data} />
      )}
    </details>
  );
}

function Chart({ trace }: { readonly trace: IncidentTrace }) {
  const { from, to, x, y } = across(trace);
  return (
    <figure className={css.figure}>
      {trace.subjects.slice(0, MOST_SUBJECTS).map(({ id, points }) => (
        <svg
          key={id}
          className={css.chart}
          viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
          role="img"
          aria-label={`${subjectName(id)}: height of head and shoulders, and of the hips, from ${quantity(from)} s to ${quantity(to)} s after it began`}
        >
          <line className={css.mark} x1={x(0)} x2={x(0)} y1={0} y2={HEIGHT - 14} />
          <line
            className={css.told}
            x1={x(trace.opened_s)}
            x2={x(trace.opened_s)}
            y1={0}
            y2={HEIGHT - 14}
          />
          <path className={css.hips} d={line(points, 'hips', x, y)} />
          <path className={css.head} d={line(points, 'head', x, y)} />
          <text className={css.word} x={x(0)} y={HEIGHT - 3} textAnchor="middle">
            began
          </text>
          <text
            className={css.word}
            x={Math.min(WIDTH - 24, x(trace.opened_s) + 26)}
            y={HEIGHT - 3}
            textAnchor="middle"
          >
            told {quantity(trace.opened_s)} s
          </text>
          <text className={css.word} x={2} y={9}>
            {subjectName(id)}
          </text>
        </svg>
      ))}
      <figcaption className={css.legend}>
        <span data-line="head">head and shoulders</span>
        <span data-line="hips">hips</span>
        <span>height in the picture</span>
      </figcaption>
    </figure>
  );
}
