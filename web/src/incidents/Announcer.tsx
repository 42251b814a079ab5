import { VisuallyHidden } from '@mantine/core';
import { useEffect, useState } from 'react';
import type { IncidentEvent } from '../api/types';
import { useSnapshot } from '../live/context';
import { BEHAVIOR, capitalise, SEVERITY } from '../words';
import { byUrgency, isOpen, pageTitle } from './book';

/** Says a new incident to a screen reader, and keeps the count of open ones in the page's title. */
export function Announcer() {
  const { incidents, news, cameras } = useSnapshot();
  const [said, setSaid] = useState<IncidentEvent | null>(null);
  useEffect(() => setSaid(news), [news]);

  const open = [...incidents.values()].filter(isOpen).sort(byUrgency);
  const worst = open[0];
  const title = pageTitle(open, worst === undefined ? null : words(worst));
  useEffect(() => {
    document.title = title;
  }, [title]);

  const where = said === null ? '' : (cameras.get(said.camera)?.name ?? said.camera);
  const text = said === null ? '' : `${words(said)}, ${where}. ${said.reason}`;
  const urgent = said?.severity === 'alarm';
  return (
    <VisuallyHidden>
      <div aria-live="assertive" data-testid="announcement">
        {urgent ? text : ''}
      </div>
      <div aria-live="polite">{urgent ? '' : text}</div>
    </VisuallyHidden>
  );
}

function words({ severity, behavior }: IncidentEvent): string {
  return `${SEVERITY[severity]}: ${capitalise(BEHAVIOR[behavior])}`;
}
