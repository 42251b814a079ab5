import { TriangleAlert } from 'lucide-react';
import type { SceneEvent, Severity } from '../api/types';
import { percent, subjectName } from '../format';
import { BEHAVIOR, capitalise, RISK } from '../words';
import css from './Subjects.module.css';

interface SubjectsProps {
  readonly scene: SceneEvent | null;
  /** False where the scene is too old to speak of. */
  readonly current: boolean;
  readonly marked: ReadonlyMap<number, Severity>;
}

/** Who does what now, in words. */
export function Subjects({ scene, current, marked }: SubjectsProps) {
  const subjects = [...(current ? (scene?.subjects ?? []) : [])].sort((a, b) => a.id - b.id);
  return (
    <div className={css.subjects}>
      <h3 className={css.heading}>Behaviour now</h3>
      {subjects.length === 0 ? (
        <p className={css.nobody}>
          {scene !== null && current
            ? 'Nobody is seen.'
            : 'Not known while nothing current arrives.'}
        </p>
      ) : (
        <ul className={css.list}>
          {subjects.map(({ id, behavior, confidence }) => {
            const tone = marked.get(id) ?? (RISK.has(behavior) ? 'warning' : undefined);
            return (
              <li key={id} className={css.subject} data-tone={tone}>
                <span className={css.id}>{subjectName(id)}</span>
                <span className={css.behavior}>
                  {tone !== undefined && <TriangleAlert size={15} aria-label="risk" />}
                  {capitalise(BEHAVIOR[behavior])}
                </span>
                <span className={css.bar} aria-hidden="true">
                  <span style={{ width: percent(confidence).replace(' ', '') }} />
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
