import { Button, TextInput } from '@mantine/core';
import { Check, X } from 'lucide-react';
import { useEffect, useId, useRef, useState } from 'react';
import type { IncidentEvent, Verdict } from '../api/types';
import { timeOfDay } from '../format';
import { usePage } from '../live/context';
import { VERDICT } from '../words';
import css from './VerdictBar.module.css';

/** As long as the cloud takes. */
const LONGEST_NOTE = 200;

const CHOICES = [
  { verdict: 'confirmed', icon: Check, label: 'Confirm' },
  { verdict: 'false_alarm', icon: X, label: 'False alarm' },
] as const;

/**
 * What an operator says of an incident. Both answers stay where they are, so that the one may be
 * corrected to the other; pressed again, or by Undo, it is taken back.
 */
export function VerdictBar({ incident }: { readonly incident: IncidentEvent }) {
  const { api, store, clock } = usePage();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const [noting, setNoting] = useState(false);
  const first = useRef<HTMLButtonElement>(null);
  const addNote = useRef<HTMLButtonElement>(null);
  const wasNoting = useRef(false);
  const label = useId();
  const { feedback } = incident;

  useEffect(() => {
    if (wasNoting.current && !noting) addNote.current?.focus(); // what had the focus is gone
    wasNoting.current = noting;
  }, [noting]);

  async function say(verdict: Verdict | null, note = ''): Promise<void> {
    setBusy(true);
    try {
      store.judged(await api.judge(incident.id, verdict, note));
      setError(null);
      setNoting(false);
    } catch (reason) {
      setError(reason instanceof Error ? reason.message : String(reason));
    }
    setBusy(false);
  }

  return (
    <div className={css.bar} data-testid="verdict">
      {/* biome-ignore lint/a11y/useSemanticElements: two buttons in a line are no form */}
      <div className={css.choices} role="group" aria-labelledby={label}>
        <span id={label} className={css.asked}>
          {feedback === null ? 'Was this right?' : VERDICT[feedback.verdict]}
        </span>
        {CHOICES.map(({ verdict, icon: Icon, label: words }, i) => (
          <Button
            key={verdict}
            ref={i === 0 ? first : null}
            classNames={{ root: css.choice, section: css.sign }}
            size="compact-sm"
            variant="default"
            leftSection={<Icon size={14} aria-hidden="true" />}
            aria-pressed={feedback?.verdict === verdict}
            data-verdict={verdict}
            aria-disabled={busy}
            onClick={() =>
              busy || void say(feedback?.verdict === verdict ? null : verdict, feedback?.note)
            }
          >
            {words}
          </Button>
        ))}
      </div>
      {feedback !== null && (
        <div className={css.said}>
          {!noting && feedback.note !== '' && <q>{feedback.note}</q>}
          <time dateTime={feedback.time}>said {timeOfDay(feedback.time, clock.wall())}</time>
          <Button
            classNames={{ root: css.quiet }}
            size="compact-xs"
            variant="subtle"
            aria-disabled={busy}
            onClick={() => {
              if (busy) return;
              first.current?.focus(); // this button goes
              void say(null);
            }}
          >
            Undo
          </Button>
          {!noting && (
            <Button
              ref={addNote}
              classNames={{ root: css.quiet }}
              size="compact-xs"
              variant="subtle"
              onClick={() => setNoting(true)}
            >
              {feedback.note === '' ? 'Add note' : 'Change note'}
            </Button>
          )}
        </div>
      )}
      {feedback !== null && noting && (
        <form
          className={css.note}
          onSubmit={(event) => {
            event.preventDefault();
            const note = new FormData(event.currentTarget).get('note');
            void say(feedback.verdict, typeof note === 'string' ? note : '');
          }}
          onKeyDown={(event) => {
            if (event.key === 'Escape') setNoting(false);
          }}
        >
          <TextInput
            name="note"
            className={css.text}
            size="xs"
            aria-label="Note"
            placeholder="What was it?"
            defaultValue={feedback.note}
            maxLength={LONGEST_NOTE}
            autoComplete="off"
            autoFocus
          />
          <Button type="submit" size="compact-sm" variant="default">
            Save
          </Button>
        </form>
      )}
      {error !== null && (
        <p className={css.error} role="alert">
          Not stored: {error}
        </p>
      )}
    </div>
  );
}
