import { useQuery } from '@tanstack/react-query';
import { createContext, useContext } from 'react';
import type { Behavior, Recognizer } from '../api/types';
import { usePage, useSnapshot } from '../live/context';

/** Opens the dialog about the recognizer, at a camera or (null) at the one shown. */
export type ShowRecognizer = (camera: string | null) => void;

export const ShowRecognizerContext = createContext<ShowRecognizer>(() => undefined);

export function useShowRecognizer(): ShowRecognizer {
  return useContext(ShowRecognizerContext);
}

/** What recognises behaviour; undefined until it is known. A new connection may be a new cloud. */
export function useRecognizer(): Recognizer | undefined {
  const { api } = usePage();
  const { epoch } = useSnapshot();
  const { data } = useQuery({
    queryKey: ['recognizer', epoch],
    queryFn: () => api.recognizer(),
    staleTime: Number.POSITIVE_INFINITY,
    placeholderData: (known) => known,
    enabled: epoch > 0,
  });
  return data;
}

/** Behaviours of which it is known that they were not shown to hold on real people. */
export function notValidated(recognizer: Recognizer | undefined): ReadonlySet<Behavior> {
  const doubtful = (recognizer?.behaviors ?? []).filter(({ validated }) => !validated);
  return new Set(doubtful.map(({ behavior }) => behavior));
}
