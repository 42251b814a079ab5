import { FlaskConical } from 'lucide-react';
import type { Behavior } from '../api/types';
import { BEHAVIOR } from '../words';
import { useShowRecognizer } from './context';
import css from './NotValidated.module.css';

interface NotValidatedProps {
  readonly behavior: Behavior;
  /** Only the sign, where there is no room for words. */
  readonly short?: boolean;
}

/** A badge at what the recognizer was never shown to know on real people; leads to the table. */
export function NotValidated({ behavior, short = false }: NotValidatedProps) {
  const show = useShowRecognizer();
  const words = `Not validated on real people: ${BEHAVIOR[behavior]}`;
  return (
    <button
      type="button"
      className={css.badge}
      data-short={short || undefined}
      data-testid="not-validated"
      aria-label={words}
      title={`${words}. How often it is right was not shown on footage of real people.`}
      onClick={() => show(null)}
    >
      <FlaskConical size={13} strokeWidth={2.4} aria-hidden="true" />
      {!short && 'not validated'}
    </button>
  );
}
