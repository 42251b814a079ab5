import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import type { Severity } from '../api/types';
import { usePage } from '../live/context';
import { FORGET_PEOPLE_AFTER_MS, type Freshness } from '../live/freshness';
import type { CameraLive } from '../live/store';
import { type Picture, paint } from './paint';
import css from './SceneCanvas.module.css';

interface SceneCanvasProps {
  readonly camera: CameraLive;
  readonly fresh: Freshness;
  readonly marked: ReadonlyMap<number, Severity>;
  /** What is to be seen, in words, for those who cannot see it. */
  readonly label: string;
}

/** The live picture of one camera. The size follows the camera's aspect ratio. */
export function SceneCanvas({ camera, fresh, marked, label }: SceneCanvasProps) {
  const { store, clock } = usePage();
  const plate = usePlate(camera.plate);
  const canvas = useRef<HTMLCanvasElement>(null);
  const withPeople = fresh.lastSeenMs !== null && fresh.lastSeenMs < FORGET_PEOPLE_AFTER_MS;
  const input = useRef<Omit<Picture, 'scene' | 'room'>>({
    plate,
    zones: camera.zones,
    marked,
    withPeople,
  });
  input.current = { plate, zones: camera.zones, marked, withPeople };

  useEffect(() => {
    const element = canvas.current;
    const ctx = element?.getContext('2d');
    if (!element || !ctx) return;
    const playout = store.playout(camera.id);
    let drawn: unknown[] = [];
    let request = requestAnimationFrame(draw);
    function draw() {
      request = requestAnimationFrame(draw);
      if (!element || !ctx) return;
      const now =
        playout.sample(clock.monotonic()) ??
        store.snapshot().cameras.get(camera.id)?.scene?.value ??
        null;
      const { clientWidth, clientHeight } = element;
      const scale = Math.min(2, window.devicePixelRatio);
      const room = getComputedStyle(element).getPropertyValue('--room');
      const { plate, zones, marked, withPeople } = input.current;
      const wanted = [
        now,
        clientWidth,
        clientHeight,
        scale,
        room,
        plate,
        zones,
        marked,
        withPeople,
      ];
      if (wanted.every((value, i) => value === drawn[i])) return;
      drawn = wanted;
      const [width, height] = [Math.round(clientWidth * scale), Math.round(clientHeight * scale)];
      if (element.width !== width || element.height !== height) {
        element.width = width;
        element.height = height;
      }
      ctx.setTransform(scale, 0, 0, scale, 0, 0);
      paint(ctx, { scene: now, room, ...input.current }, clientWidth, clientHeight);
    }
    return () => cancelAnimationFrame(request);
  }, [store, clock, camera.id]);

  const aspect = camera.aspect ?? 16 / 9;
  return (
    <canvas
      ref={canvas}
      className={css.canvas}
      data-live={fresh.live || undefined}
      role="img"
      aria-label={label}
      style={{ aspectRatio: String(aspect), maxWidth: `calc(${aspect} * 74vh)` }}
    />
  );
}

/** The room's picture. While a newer one is on its way the older one stays. */
function usePlate(digest: string | null): ImageBitmap | null {
  const { api } = usePage();
  const { data } = useQuery({
    queryKey: ['plate', digest],
    queryFn: () => (digest === null ? null : api.plate(digest)),
    placeholderData: keepPreviousData,
    staleTime: Number.POSITIVE_INFINITY,
    retry: 8,
    retryDelay: 1500,
  });
  return digest === null ? null : (data ?? null);
}
