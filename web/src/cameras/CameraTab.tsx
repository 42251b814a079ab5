import { Tabs } from '@mantine/core';
import { isOpen } from '../incidents/book';
import { usePage, useSnapshot, useTick } from '../live/context';
import { freshness } from '../live/freshness';
import type { CameraLive } from '../live/store';
import css from './CameraTab.module.css';
import { FRESHNESS } from './tone';

/** A camera's name, whether it is live, and how many incidents are open there. */
export function CameraTab({ camera }: { readonly camera: CameraLive }) {
  const { clock } = usePage();
  const { link, incidents } = useSnapshot();
  useTick(1000);
  const fresh = freshness(camera, link, clock.monotonic(), clock.wall());
  const { icon: Icon, tone } = FRESHNESS[fresh.kind];
  const open = [...incidents.values()].filter(
    (incident) => incident.camera === camera.id && isOpen(incident),
  ).length;
  return (
    <Tabs.Tab
      className={css.tab}
      value={camera.id}
      leftSection={
        <span className={css.state} data-tone={tone}>
          <Icon size={15} aria-hidden="true" />
        </span>
      }
      rightSection={open > 0 ? <span className={css.open}>{open} open</span> : null}
    >
      {camera.name} <span className={css.word}>{fresh.label}</span>
    </Tabs.Tab>
  );
}
