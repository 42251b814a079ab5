import { Alert, Button } from '@mantine/core';
import { LoaderCircle, Unplug, Wifi } from 'lucide-react';
import { useEffect, useState } from 'react';
import css from './LinkPill.module.css';
import { usePage, useSnapshot } from './live/context';
import { Pill } from './Pill';

/** State of this page's own line to the cloud. */
export function LinkPill() {
  const { link } = useSnapshot();
  if (link.kind === 'open') {
    return (
      <Pill tone="ok" icon={Wifi} title="The live line to the cloud is open">
        Connected
      </Pill>
    );
  }
  return link.kind === 'connecting' ? (
    <Pill tone="quiet" icon={LoaderCircle}>
      Connecting
    </Pill>
  ) : (
    <Pill tone="alarm" icon={Unplug}>
      Not connected
    </Pill>
  );
}

/** Says across the page that nothing on it is current, and when it tries again. */
export function LinkNotice() {
  const { link } = useSnapshot();
  const { retry } = usePage();
  const [lost, setLost] = useState(false);
  useEffect(() => {
    if (link.kind === 'waiting') setLost(true);
    else if (link.kind === 'open') setLost(false);
  }, [link.kind]);
  if (!lost) return null;
  return (
    <Alert
      role="alert"
      classNames={{ root: css.notice, title: css.title, icon: css.icon, message: css.message }}
      icon={<Unplug size={18} aria-hidden="true" />}
      title="Not connected to the cloud"
    >
      Nothing below is current, and new alarms do not reach this page. It keeps trying.{' '}
      <Button size="compact-sm" variant="default" onClick={retry}>
        Try now
      </Button>
    </Alert>
  );
}
