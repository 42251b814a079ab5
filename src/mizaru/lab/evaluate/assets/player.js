// Plays what crossed the wall: mannequins as primitives, computed by mizaru.proxy, painted as the
// dashboard paints them (web/src/proxy/paint.ts). Plain script: the page works from a file.
"use strict";
(() => {
  const PALETTE = [
    [94, 170, 168], [232, 164, 92], [140, 132, 208], [222, 124, 116],
    [112, 162, 222], [168, 188, 96], [206, 132, 178], [150, 162, 176],
  ];
  const MARKED = [214, 62, 54];
  const VISOR = "rgb(38 44 54)";
  const LIGHT = [-0.42, -0.58, 0.7];
  const GAIN = [1, 1, 1, 0.9, 0.86, 0.8, 1.06];
  const [SHADOW, VISOR_PART] = [1, 2];
  const HOLD_MS = 500;

  function shade(rgb, nx, ny) {
    const nz = Math.sqrt(Math.max(0, 1 - nx * nx - ny * ny));
    const light = Math.max(0, Math.min(1, nx * LIGHT[0] + ny * LIGHT[1] + nz * LIGHT[2]));
    const level = (0.5 + 0.72 * light) * (0.8 + 0.2 * nz);
    const [r, g, b] = rgb.map((v) => Math.round(Math.max(0, Math.min(255, v * level))));
    return `rgb(${r} ${g} ${b})`;
  }

  function cylinder(ctx, [mx, my], [ax, ay], reach, rgb, roundness) {
    const g = ctx.createLinearGradient(
      mx - ax * reach, my - ay * reach, mx + ax * reach, my + ay * reach);
    for (const t of [-1, -0.75, -0.4, 0, 0.4, 0.75, 1]) {
      g.addColorStop((t + 1) / 2, shade(rgb, t * roundness * ax, t * roundness * ay));
    }
    return g;
  }

  function ball(ctx, x, y, radius, rgb) {
    const [lx, ly] = [x + LIGHT[0] * radius * 0.6, y + LIGHT[1] * radius * 0.6];
    const g = ctx.createRadialGradient(lx, ly, 0, x, y, radius);
    const length = Math.hypot(LIGHT[0], LIGHT[1]);
    for (const t of [0, 0.35, 0.7, 1]) {
      const n = -0.6 + 1.6 * t;
      g.addColorStop(t, shade(rgb, (-n * LIGHT[0]) / length, (-n * LIGHT[1]) / length));
    }
    return g;
  }

  function capsule(ctx, [[ax, ay], [bx, by]], [ra, rb], rgb) {
    const length = Math.hypot(bx - ax, by - ay);
    const reach = Math.max(ra, rb);
    ctx.beginPath();
    if (length <= Math.abs(ra - rb) + 1e-6) {
      const [x, y] = ra >= rb ? [ax, ay] : [bx, by];
      ctx.arc(x, y, reach, 0, 2 * Math.PI);
      ctx.fillStyle = ball(ctx, x, y, reach, rgb);
    } else {
      const heading = Math.atan2(by - ay, bx - ax);
      const open = Math.acos((ra - rb) / length);
      ctx.arc(ax, ay, ra, heading + open, heading + 2 * Math.PI - open);
      ctx.arc(bx, by, rb, heading - open, heading + open);
      ctx.closePath();
      const across = [-(by - ay) / length, (bx - ax) / length];
      ctx.fillStyle = cylinder(ctx, [ax, ay], across, reach, rgb, 1);
    }
    ctx.fill();
  }

  function mean(points) {
    const sum = points.reduce(([x, y], [u, v]) => [x + u, y + v], [0, 0]);
    return [sum[0] / points.length, sum[1] / points.length];
  }

  function polygon(ctx, points, rounding, rgb) {
    if (rgb === null) {
      ctx.fillStyle = VISOR;
    } else {
      const half = Math.floor(points.length / 2);
      const middle = mean(points);
      const [top, bottom] = [mean(points.slice(0, 2)), mean(points.slice(half, half + 2))];
      const [dx, dy] = [bottom[0] - top[0], bottom[1] - top[1]];
      const length = Math.hypot(dx, dy);
      const across = length > 1e-3 ? [-dy / length, dx / length] : [1, 0];
      const far = points.map(([x, y]) =>
        Math.abs((x - middle[0]) * across[0] + (y - middle[1]) * across[1]));
      const reach = Math.max(Math.max(...far) + rounding, 1e-3);
      ctx.fillStyle = cylinder(ctx, middle, across, reach, rgb, 0.92);
    }
    ctx.beginPath();
    for (const [x, y] of points) ctx.lineTo(x, y);
    ctx.closePath();
    ctx.fill();
    ctx.strokeStyle = ctx.fillStyle;
    ctx.lineJoin = "round";
    ctx.lineWidth = 2 * rounding;
    ctx.stroke();
  }

  function ellipse(ctx, [x, y], [rx, ry], angle, rgb) {
    ctx.beginPath();
    ctx.ellipse(x, y, rx, ry, angle, 0, 2 * Math.PI);
    ctx.fillStyle = ball(ctx, x, y, Math.max(rx, ry), rgb);
    ctx.fill();
  }

  function shadow(ctx, [x, y], [rx, ry]) {
    ctx.translate(x, y);
    ctx.scale(1, ry / rx);
    const g = ctx.createRadialGradient(0, 0, 0, 0, 0, rx);
    g.addColorStop(0, "rgb(0 0 0 / 1)");
    g.addColorStop(0.5, "rgb(0 0 0 / 0.6)");
    g.addColorStop(1, "rgb(0 0 0 / 0)");
    ctx.fillStyle = g;
    ctx.beginPath();
    ctx.arc(0, 0, rx, 0, 2 * Math.PI);
    ctx.fill();
  }

  // A primitive: shape, part, opacity in %, angle in 1/100 rad, radii in 1/10000 of the height,
  // points in 1/1000 of width and height.
  function paint(ctx, [shape, part, opacity, angle, radii, flat], rgb, width, height) {
    const points = [];
    for (let i = 0; i < flat.length; i += 2) {
      points.push([(flat[i] / 1000) * width, (flat[i + 1] / 1000) * height]);
    }
    const r = radii.map((value) => Math.max(1e-3, (value / 10000) * height));
    const base = rgb.map((value) => value * (GAIN[part] || 1));
    ctx.save();
    ctx.globalAlpha *= opacity / 100;
    if (part === SHADOW) shadow(ctx, points[0], r);
    else if (shape === 0) capsule(ctx, points, r, base);
    else if (shape === 1) polygon(ctx, points, r[0], part === VISOR_PART ? null : base);
    else ellipse(ctx, points[0], r, angle / 100, base);
    ctx.restore();
  }

  class Player {
    constructor(root, data) {
      this.data = data;
      this.canvas = root.querySelector("canvas");
      this.button = root.querySelector("button");
      this.slider = root.querySelector("input");
      this.clock = root.querySelector("output");
      this.playing = false;
      this.slider.min = data.begin;
      this.slider.max = data.end;
      this.t = data.poster;
      this.button.addEventListener("click", () => this.toggle());
      this.slider.addEventListener("input", () => {
        this.stop();
        this.seek(Number(this.slider.value));
      });
      new ResizeObserver(() => this.draw()).observe(this.canvas);
      this.seek(this.t);
    }

    toggle() {
      if (this.playing) return this.stop();
      this.playing = true;
      this.button.textContent = "Pause";
      if (this.t >= this.data.end - 50) this.t = this.data.begin;
      let last = performance.now();
      const step = (now) => {
        if (!this.playing) return;
        const t = this.t + (now - last);
        last = now;
        if (t >= this.data.end) {
          this.seek(this.data.end);
          return this.stop();
        }
        this.seek(t);
        requestAnimationFrame(step);
      };
      requestAnimationFrame(step);
    }

    stop() {
      this.playing = false;
      this.button.textContent = "Play";
    }

    seek(t) {
      this.t = t;
      this.slider.value = t;
      this.clock.textContent = `${(t / 1000).toFixed(1)} s`;
      this.slider.setAttribute("aria-valuetext", this.clock.textContent);
      this.draw();
    }

    draw() {
      const { canvas, data } = this;
      const scale = Math.min(2, devicePixelRatio || 1);
      const [width, height] = [canvas.clientWidth, canvas.clientHeight];
      if (!width || !height) return;
      canvas.width = Math.round(width * scale);
      canvas.height = Math.round(height * scale);
      const ctx = canvas.getContext("2d");
      ctx.setTransform(scale, 0, 0, scale, 0, 0);
      ctx.fillStyle = getComputedStyle(canvas).getPropertyValue("--room");
      ctx.fillRect(0, 0, width, height);
      let frame = null;
      for (const candidate of data.frames) {
        if (candidate[0] > this.t + 1) break;
        frame = candidate;
      }
      if (frame === null || this.t - frame[0] > HOLD_MS) return;
      for (const [slot, marked, primitives] of frame[1]) {
        const rgb = marked ? MARKED : PALETTE[slot];
        for (const primitive of primitives) paint(ctx, primitive, rgb, width, height);
      }
    }
  }

  const replays = JSON.parse(document.getElementById("replays").textContent);
  for (const [id, data] of Object.entries(replays)) {
    new Player(document.getElementById(id), data);
  }
})();
