import { Lock, LockOpen, TriangleAlert } from 'lucide-react';
import type { StatusEvent } from '../api/types';
import { duration, timeOfDay } from '../format';
import { usePage } from '../live/context';
import type { Received } from '../live/freshness';
import css from './Health.module.css';
import { healthItems } from './health';

/** A status comes each 5 s; one older than this no longer describes now. */
const OLD_STATUS_MS = 12_000;

interface HealthProps {
  readonly status: Received<StatusEvent> | null;
  readonly knownPercent: number | null;
}

export function Health({ status, knownPercent }: HealthProps) {
  const { clock } = usePage();
  if (status === null) {
    return (
      <div className={css.health}>
        <h3 className={css.heading}>Camera health</h3>
        <p className={css.none}>The edge has not reported yet.</p>
      </div>
    );
  }
  // Of an edge that is gone the cloud repeats the last word, which may be old.
  const age = status.value.connected
    ? clock.monotonic() - status.at
    : Math.max(0, clock.wall() - Date.parse(status.value.time));
  const old = age > OLD_STATUS_MS;
  return (
    <div className={css.health} data-old={old || undefined}>
      <h3 className={css.heading}>
        Camera health{' '}
        <span className={css.asOf}>
          {old
            ? `as it was ${duration(age)} ago`
            : `as of ${timeOfDay(status.value.time, clock.wall())}`}
        </span>
      </h3>
      <dl className={css.list}>
        {healthItems(status.value, knownPercent).map(({ name, value, meaning, worry }) => (
          <div key={name} className={css.item} data-worry={worry || undefined} title={meaning}>
            <dt>{name}</dt>
            <dd>
              {worry && <TriangleAlert size={14} aria-label="needs a look" />}
              {name === 'Darkroom' && !worry && <Lock size={13} aria-hidden="true" />}
              {name === 'Darkroom' && worry && <LockOpen size={13} aria-hidden="true" />}
              {value}
            </dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
