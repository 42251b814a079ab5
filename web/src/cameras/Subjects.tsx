import { TriangleAlert } from 'lucide-react';
import type { SceneEvent, Severity } from '../api/types';
import { percent, subjectName } from '../format';
import { PALETTE, slots } from '../proxy/psi';
import { notValidated, useRecognizer } from '../recognizer/context';
import { NotValidated } from '../recognizer/NotValidated';
import { BEHAVIOR, capitalise, RISK } from '../words';
import css from './Subjects.module.css';

interface SubjectsProps {
  /** Null where there is none, or it is too old to speak of. */
  readonly scene: SceneEvent | null;
  readonly heading: string;
  readonly marked: ReadonlyMap<number, Severity>;
}

/** Who does what now, in words. */
export function Subjects({ scene, heading, marked }: SubjectsProps) {
  const doubtful = notValidated(useRecognizer());
  const subjects = [...(scene?.subjects ?? [])].sort((a, b) => a.id - b.id);
  const colour = slots(
    subjects.map(({ id }) => id),
    PALETTE.length,
  );
  return (
    <div className={css.subjects}>
      <h3 className={css.heading}>{heading}</h3>
      {subjects.length === 0 ? (
        <p className={css.nobody}>
          {scene !== null ? 'Nobody is seen.' : 'Not known while nothing current arrives.'}
        </p>
      ) : (
        <ul className={css.list}>
          {subjects.map(({ id, behavior, confidence }, i) => {
            const tone = marked.get(id) ?? (RISK.has(behavior) ? 'warning' : undefined);
            return (
              <li key={id} className={css.subject} data-tone={tone}>
                <span className={css.id}>
                  <span
                    className={css.swatch}
                    aria-hidden="true"
                    style={{ background: `rgb(${PALETTE[colour[i] ?? 0]?.join(' ')})` }}
                  />
                  {subjectName(id)}
                </span>
                <span className={css.behavior}>
                  {tone !== undefined && <TriangleAlert size={15} aria-label="risk" />}
                  {capitalise(BEHAVIOR[behavior])}
                  {doubtful.has(behavior) && <NotValidated behavior={behavior} short />}
                </span>
                <span className={css.bar} aria-hidden="true">
                  <span style={{ width: `${confidence * 100}%` }} />
                </span>
                <span className={css.confidence}>
                  {percent(confidence)} <span className={css.sure}>sure</span>
                </span>
              </li>
            );
          })}
        </ul>
      )}
    </div>
  );
}
