/** Draws the mannequins of a scene with Ψ, the farthest first. */
import type { SceneEvent } from '../api/types';
import { draw } from '../proxy/psi';

export function drawMannequins(
  ctx: CanvasRenderingContext2D,
  scene: SceneEvent,
  width: number,
  height: number,
): void {
  draw(ctx, scene.subjects, width, height);
}
