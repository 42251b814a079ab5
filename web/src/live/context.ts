import { createContext, useContext, useEffect, useState, useSyncExternalStore } from 'react';
import type { Api } from '../api/client';
import type { Clock } from '../api/clock';
import type { LiveStore, Snapshot } from './store';

export interface Page {
  readonly api: Api;
  readonly clock: Clock;
  readonly store: LiveStore;
  /** Try the live line again at once. */
  readonly retry: () => void;
}

export const PageContext = createContext<Page | null>(null);

export function usePage(): Page {
  const page = useContext(PageContext);
  if (page === null) throw new Error('PageContext has no value');
  return page;
}

export function useSnapshot(): Snapshot {
  const { store } = usePage();
  return useSyncExternalStore(store.subscribe, store.snapshot);
}

/** Draw again every `periodMs`, for everything that says how long something lasts. */
export function useTick(periodMs: number): void {
  const [, setTick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setTick((tick) => tick + 1), periodMs);
    return () => clearInterval(timer);
  }, [periodMs]);
}
