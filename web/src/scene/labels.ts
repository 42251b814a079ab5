/** Where the words beside the mannequins go, so that none hides another. */

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/**
 * Move label boxes so that they stay inside the picture and do not overlap.
 *
 * Args:
 *   wanted: where each would like to be, the most important first.
 *   width, height: of the picture, in the same unit.
 *
 * Each box is tried at its place, then ever further above and below it; where nothing is free it
 * stays at its own place.
 */
export function placeLabels(wanted: readonly Box[], width: number, height: number): Box[] {
  const placed: Box[] = [];
  for (const box of wanted) {
    const home = inside(box, width, height);
    const step = box.height + 2;
    const candidates = [home];
    for (let k = 1; k <= 6; k += 1) {
      candidates.push({ ...home, y: home.y - k * step }, { ...home, y: home.y + k * step });
    }
    const free = candidates.find(
      (each) =>
        each.y >= 0 &&
        each.y + each.height <= height &&
        placed.every((other) => !overlap(each, other)),
    );
    placed.push(free ?? home);
  }
  return placed;
}

function inside(box: Box, width: number, height: number): Box {
  return {
    ...box,
    x: Math.max(0, Math.min(width - box.width, box.x)),
    y: Math.max(0, Math.min(height - box.height, box.y)),
  };
}

function overlap(a: Box, b: Box): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}
