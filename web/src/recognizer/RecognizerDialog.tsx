import { Button, NativeSelect } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { CircleCheck, FlaskConical, X } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import type { Recognizer } from '../api/types';
import { percent, quantity } from '../format';
import { usePage, useSnapshot } from '../live/context';
import { Pill } from '../Pill';
import { BEHAVIOR, capitalise } from '../words';
import { because } from './because';
import { useRecognizer } from './context';
import css from './RecognizerDialog.module.css';

interface RecognizerDialogProps {
  /** The camera whose sensitivity is shown first; undefined: the dialog is closed. */
  readonly camera: string | undefined;
  readonly close: () => void;
}

/** What recognises behaviour, how far it may be trusted, and what feedback made of it here. */
export function RecognizerDialog({ camera, close }: RecognizerDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const recognizer = useRecognizer();
  const isOpen = camera !== undefined;
  useEffect(() => {
    if (isOpen) dialog.current?.showModal();
    else dialog.current?.close();
  }, [isOpen]);
  return (
    <dialog ref={dialog} className={css.dialog} aria-labelledby="recognizer-title" onClose={close}>
      {isOpen && (
        <>
          <header className={css.header}>
            <h2 id="recognizer-title">What recognises behaviour here</h2>
            <Button
              variant="default"
              size="compact-sm"
              leftSection={<X size={15} aria-hidden="true" />}
              onClick={close}
            >
              Close
            </Button>
          </header>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so keys must reach it */}
          <div className={css.body} tabIndex={0}>
            {recognizer === undefined ? (
              <p className={css.quiet}>Not known while the cloud does not answer.</p>
            ) : (
              <Validation recognizer={recognizer} />
            )}
            <Sensitivity first={camera} />
          </div>
        </>
      )}
    </dialog>
  );
}

function Validation({ recognizer }: { readonly recognizer: Recognizer }) {
  const { version, sha256, behaviors } = recognizer;
  return (
    <section aria-label="Validation">
      <p className={css.quiet}>
        {sha256 === null ? (
          'Rules on the movement of poses, without learned weights. '
        ) : (
          <>
            Weights {version}, <code title={`SHA-256 ${sha256}`}>{sha256.slice(0, 12)}</code>.{' '}
          </>
        )}
        A behaviour is validated if it was found, and not found where it was not, on footage of real
        people the recognizer had never seen.
      </p>
      <table className={css.table}>
        <thead>
          <tr>
            <th scope="col">Behaviour</th>
            <th scope="col">On real people</th>
          </tr>
        </thead>
        <tbody>
          {behaviors.map(({ behavior, validated, validation, threshold, budget }) => (
            <tr key={behavior}>
              <th scope="row">{capitalise(BEHAVIOR[behavior])}</th>
              <td>
                <Pill
                  tone={validated ? 'ok' : 'quiet'}
                  icon={validated ? CircleCheck : FlaskConical}
                >
                  {validated ? 'validated' : 'not validated'}
                </Pill>
                {validated && (
                  <div className={css.why}>On {validation.replace(/^real: /, '')}.</div>
                )}
                {threshold !== null && (
                  <div className={css.why}>
                    Told from a score of {quantity(threshold)}
                    {budget !== null &&
                      `, chosen for at most ${quantity(budget)} false alarm${
                        budget === 1 ? '' : 's'
                      } per camera and day`}
                    .
                  </div>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Sensitivity({ first }: { readonly first: string }) {
  const { api } = usePage();
  const { cameras, incidents, epoch } = useSnapshot();
  const [chosen, setChosen] = useState(first);
  const [failed, setFailed] = useState<string | null>(null);
  const queries = useQueryClient();
  const select = useRef<HTMLSelectElement>(null);
  // What anybody judges while this is open changes it.
  const judged = [...incidents.values()]
    .filter((incident) => incident.camera === chosen && incident.feedback !== null)
    .map((incident) => `${incident.id} ${incident.feedback?.verdict}`)
    .join();
  const key = ['sensitivity', chosen, epoch, judged];
  const { data, isError } = useQuery({
    queryKey: key,
    queryFn: () => api.sensitivity(chosen),
    placeholderData: (known) => (known?.camera === chosen ? known : undefined),
    retry: false,
  });
  const moved = (data?.behaviors ?? []).filter(
    ({ confirmed, false_alarms }) => confirmed + false_alarms > 0,
  );

  async function reset(): Promise<void> {
    try {
      queries.setQueryData(key, await api.resetSensitivity(chosen));
      setFailed(null);
      select.current?.focus(); // the button goes
    } catch (error) {
      setFailed(error instanceof Error ? error.message : String(error));
    }
  }

  return (
    <section className={css.sensitivity} aria-label="Sensitivity">
      <h3>What operators made of it</h3>
      <p className={css.quiet}>
        “False alarm” makes a camera ask for more evidence of that behaviour, “Confirm” takes that
        back. Both within bounds: falls and calls for help cannot be silenced. Other cameras do not
        change.
      </p>
      <NativeSelect
        ref={select}
        className={css.select}
        size="sm"
        label="Camera"
        value={chosen}
        onChange={(event) => setChosen(event.currentTarget.value)}
        data={[...cameras.values()].map(({ id, name }) => ({ value: id, label: name }))}
      />
      {isError ? (
        <p className={css.quiet}>Not known: the cloud does not answer.</p>
      ) : data === undefined ? (
        <p className={css.quiet}>Asking …</p>
      ) : moved.length === 0 ? (
        <p className={css.quiet} data-testid="as-shipped">
          Nothing that counts has been said here: as shipped.
        </p>
      ) : (
        <>
          <table className={css.table} data-testid="adapted">
            <thead>
              <tr>
                <th scope="col">Behaviour</th>
                <th scope="col" className={css.number}>
                  As shipped
                </th>
                <th scope="col" className={css.number}>
                  Here
                </th>
                <th scope="col">Because</th>
              </tr>
            </thead>
            <tbody>
              {moved.map(({ behavior, base, adapted, confirmed, false_alarms }) => (
                <tr key={behavior}>
                  <th scope="row">{capitalise(BEHAVIOR[behavior])}</th>
                  <td className={css.number}>{percent(base)} sure</td>
                  <td className={css.number}>{percent(adapted)} sure</td>
                  <td>{because(confirmed, false_alarms)}</td>
                </tr>
              ))}
            </tbody>
          </table>
          <Button className={css.reset} variant="default" size="compact-sm" onClick={reset}>
            Reset to as shipped
          </Button>
        </>
      )}
      {failed !== null && (
        <p className={css.error} role="alert">
          Not reset: {failed}
        </p>
      )}
    </section>
  );
}
