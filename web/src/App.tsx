import { Button, NativeSelect, Tabs } from '@mantine/core';
import { useEffect, useState } from 'react';
import css from './App.module.css';
import { CameraPanel } from './cameras/CameraPanel';
import { CameraTab } from './cameras/CameraTab';
import { Footer } from './Footer';
import { Announcer } from './incidents/Announcer';
import { IncidentsPanel } from './incidents/IncidentsPanel';
import { LinkNotice, LinkPill } from './LinkPill';
import { Logo } from './Logo';
import { usePage, useSnapshot } from './live/context';

/** With more cameras than this a list is easier to use than tabs. */
const MOST_TABS = 6;

export function App() {
  const { store } = usePage();
  const { cameras, loaded, error } = useSnapshot();
  const [wanted, setWanted] = useCameraInAddress();
  const all = [...cameras.values()].sort((a, b) => a.name.localeCompare(b.name));
  const camera = all.find(({ id }) => id === wanted) ?? all[0];

  return (
    <div className={css.page}>
      <Announcer />
      <header className={css.header}>
        <a className={css.skip} href="#incidents">
          Skip to incidents
        </a>
        <Logo />
        <h1 className={css.title}>Mizaru</h1>
        <LinkPill />
      </header>
      <LinkNotice />
      {all.length > 1 && all.length <= MOST_TABS && camera !== undefined && (
        <Tabs
          className={css.tabs}
          value={camera.id}
          onChange={(id) => id !== null && setWanted(id)}
          variant="outline"
        >
          <Tabs.List aria-label="Cameras">
            {all.map((each) => (
              <CameraTab key={each.id} camera={each} />
            ))}
          </Tabs.List>
        </Tabs>
      )}
      {all.length > MOST_TABS && camera !== undefined && (
        <NativeSelect
          className={css.tabs}
          label="Camera"
          value={camera.id}
          onChange={(event) => setWanted(event.currentTarget.value)}
          data={all.map(({ id, name }) => ({ value: id, label: name }))}
        />
      )}
      <main className={css.main}>
        <div className={css.scene}>
          {camera !== undefined ? (
            <CameraPanel key={camera.id} camera={camera} />
          ) : (
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
          )}
        </div>
        <div className={css.side}>
          <IncidentsPanel />
        </div>
      </main>
      <Footer />
    </div>
  );
}

/** The chosen camera is kept in the address, so that a bookmark or reload finds it again. */
function useCameraInAddress(): [string | null, (id: string) => void] {
  const read = () => new URLSearchParams(window.location.hash.slice(1)).get('camera');
  const [id, setId] = useState(read);
  useEffect(() => {
    const changed = () => setId(new URLSearchParams(window.location.hash.slice(1)).get('camera'));
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
