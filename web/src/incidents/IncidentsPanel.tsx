import { Button } from '@mantine/core';
import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { CircleCheck } from 'lucide-react';
import { PAGE_SIZE } from '../api/client';
import type { IncidentEvent } from '../api/types';
import { usePage, useSnapshot, useTick } from '../live/context';
import { byUrgency, isOpen } from './book';
import { IncidentCard } from './IncidentCard';
import css from './IncidentsPanel.module.css';

/** Open incidents of every camera, then those that are over, page by page. */
export function IncidentsPanel() {
  const { incidents, link } = useSnapshot();
  const history = useHistory();
  useTick(1000);

  const known = [...incidents.values()];
  const open = known.filter(isOpen).sort(byUrgency);
  const closed = new Map<string, IncidentEvent>();
  for (const incident of history.items) closed.set(incident.id, incident);
  for (const incident of known) if (!isOpen(incident)) closed.set(incident.id, incident);
  for (const { id } of open) closed.delete(id);
  const past = [...closed.values()].sort(byUrgency);
  const linked = link.kind === 'open';

  return (
    <section className={css.panel} id="incidents" aria-labelledby="incidents-title" tabIndex={-1}>
      <header className={css.header}>
        <h2 id="incidents-title">Incidents</h2>
        <span className={css.count} data-open={open.length > 0 || undefined}>
          {open.length} open
        </span>
      </header>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so keys must reach it */}
      <div className={css.body} tabIndex={0}>
        <h3 className={css.heading}>Open now{linked ? '' : ', as last heard'}</h3>
        {open.length === 0 ? (
          <p className={css.calm}>
            {linked ? (
              <>
                <CircleCheck size={17} aria-hidden="true" /> No incident is open.
              </>
            ) : (
              'Not known while the page is not connected.'
            )}
          </p>
        ) : (
          <ul className={css.list}>
            {open.map((incident) => (
              <IncidentCard key={incident.id} incident={incident} />
            ))}
          </ul>
        )}
        <h3 className={css.heading}>Earlier</h3>
        {past.length === 0 ? (
          <p className={css.none}>
            {history.failed
              ? 'The history could not be read; it is tried again on the next connection.'
              : history.loading
                ? 'Reading the history …'
                : 'No incident has ended yet.'}
          </p>
        ) : (
          <ul className={css.list}>
            {past.map((incident) => (
              <IncidentCard key={incident.id} incident={incident} />
            ))}
          </ul>
        )}
        {history.more !== null && (
          <Button
            className={css.more}
            variant="default"
            size="xs"
            loading={history.loading}
            onClick={history.more}
          >
            Show earlier incidents
          </Button>
        )}
      </div>
    </section>
  );
}

interface History {
  readonly items: readonly IncidentEvent[];
  readonly loading: boolean;
  readonly failed: boolean;
  /** Reads the next page; null where there is none. */
  readonly more: (() => void) | null;
}

function useHistory(): History {
  const { api } = usePage();
  const { epoch } = useSnapshot();
  const query = useInfiniteQuery({
    queryKey: ['history', epoch],
    queryFn: ({ pageParam }) => api.incidents({ camera: null, open: false, before: pageParam }),
    initialPageParam: null as string | null,
    // A page that is not full is the last.
    getNextPageParam: (page) => (page.length < PAGE_SIZE ? null : (page.at(-1)?.id ?? null)),
    placeholderData: keepPreviousData,
    enabled: epoch > 0,
  });
  return {
    items: query.data?.pages.flat() ?? [],
    loading: query.isFetching,
    failed: query.isError,
    more: query.hasNextPage ? () => void query.fetchNextPage() : null,
  };
}
