import { Button, NativeSelect, Tabs } from '@mantine/core';
import { ScanEye } from 'lucide-react';
import { useCallback, useEffect, useState } from 'react';
import css from './App.module.css';
import { CameraPanel } from './cameras/CameraPanel';
import { CameraTab } from './cameras/CameraTab';
import { Footer } from './Footer';
import { Announcer } from './incidents/Announcer';
import { IncidentsPanel } from './incidents/IncidentsPanel';
import { OpenStrip } from './incidents/OpenStrip';
import { LinkNotice, LinkPill } from './LinkPill';
import { Logo } from './Logo';
import { usePage, useSnapshot } from './live/context';
import type { CameraLive } from './live/store';
import { ShowRecognizerContext } from './recognizer/context';
import { RecognizerDialog } from './recognizer/RecognizerDialog';

/** With more cameras than this a list is easier to use than tabs. */
const MOST_TABS = 6;

export function App() {
  const { cameras } = useSnapshot();
  const [wanted, setWanted] = useCameraInAddress();
  const all = [...cameras.values()];
  const camera = all.find(({ id }) => id === wanted) ?? all[0];
  const [asked, setAsked] = useState<string | undefined>();
  const show = useCallback(
    (about: string | null) => setAsked(about ?? camera?.id ?? ''),
    [camera?.id],
  );

  return (
    <ShowRecognizerContext value={show}>
      <div className={css.page}>
        <Announcer />
        <header className={css.header}>
          <a className={css.skip} href="#incidents">
            Skip to incidents
          </a>
          <Logo />
          <h1 className={css.title}>Mizaru</h1>
          <Button
            className={css.about}
            variant="default"
            size="compact-sm"
            leftSection={<ScanEye size={15} aria-hidden="true" />}
            onClick={() => show(null)}
          >
            Recognizer
          </Button>
          <LinkPill />
        </header>
        <main className={css.main}>
          <LinkNotice />
          <OpenStrip />
          {camera === undefined ? (
            <NoCamera />
          ) : (
            <Chooser cameras={all} chosen={camera} choose={setWanted} />
          )}
          <div className={css.side}>
            <IncidentsPanel />
          </div>
        </main>
        <Footer />
        <RecognizerDialog camera={asked} close={() => setAsked(undefined)} />
      </div>
    </ShowRecognizerContext>
  );
}

interface ChooserProps {
  readonly cameras: readonly CameraLive[];
  readonly chosen: CameraLive;
  readonly choose: (id: string) => void;
}

/** One camera at a time: alone, behind tabs, or from a list when they are many. */
function Chooser({ cameras, chosen, choose }: ChooserProps) {
  const panel = <CameraPanel key={chosen.id} camera={chosen} />;
  if (cameras.length === 1) return <div className={css.scene}>{panel}</div>;
  if (cameras.length > MOST_TABS) {
    return (
      <div className={css.scene}>
        <NativeSelect
          className={css.select}
          label="Camera"
          value={chosen.id}
          onChange={(event) => choose(event.currentTarget.value)}
          data={cameras.map(({ id, name }) => ({ value: id, label: name }))}
        />
        {panel}
      </div>
    );
  }
  return (
    <Tabs
      className={css.scene}
      value={chosen.id}
      onChange={(id) => id !== null && choose(id)}
      variant="pills"
    >
      <Tabs.List aria-label="Cameras" className={css.tabs}>
        {cameras.map((camera) => (
          <CameraTab key={camera.id} camera={camera} />
        ))}
      </Tabs.List>
      <Tabs.Panel value={chosen.id}>{panel}</Tabs.Panel>
    </Tabs>
  );
}

function NoCamera() {
  const { store } = usePage();
  const { loaded, error } = useSnapshot();
  return (
    <section className={css.empty} aria-label="Cameras">
      {error !== null ? (
        <>
          <p>The cloud does not answer: {error}</p>
          <Button variant="default" onClick={() => void store.load()}>
            Ask again
          </Button>
        </>
      ) : (
        <p>
          {loaded
            ? 'No camera has connected yet. It appears here as soon as an edge brings it.'
            : 'Asking the cloud for its cameras …'}
        </p>
      )}
    </section>
  );
}

/** The chosen camera is kept in the address, so that a bookmark or reload finds it again. */
function useCameraInAddress(): [string | null, (id: string) => void] {
  const read = () => new URLSearchParams(window.location.hash.slice(1)).get('camera');
  const [id, setId] = useState(read);
  useEffect(() => {
    const changed = () => {
      const next = new URLSearchParams(window.location.hash.slice(1)).get('camera');
      if (next !== null) setId(next); // other fragments lead within the page
    };
    window.addEventListener('hashchange', changed);
    return () => window.removeEventListener('hashchange', changed);
  }, []);
  return [
    id,
    (next) => {
      window.history.replaceState(null, '', `#${new URLSearchParams({ camera: next })}`);
      setId(next);
    },
  ];
}
