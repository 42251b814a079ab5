/** The built page in a real Chromium, against a cloud that says what each test wants. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import type { Camera, IncidentEvent } from '../src/api/types';
import { findChromium, launch } from './chromium';
import { DIGEST, FakeCloud } from './fake-cloud';
import { subject } from './figures';

const executable = findChromium();
const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const ID = 0x7f3e21;
const CAMERA = 'ward';

function figure(fallen = 0) {
  return [
    subject(
      ID,
      { u: 0.4, v: 0.85, height: 0.55, fallen },
      fallen > 0 ? 'fall' : 'stand',
      fallen > 0 ? 0.94 : 0.83,
    ),
  ];
}

function fall(change: Partial<IncidentEvent> = {}): IncidentEvent {
  return {
    type: 'incident',
    event: 'opened',
    id: 'i-1',
    camera: CAMERA,
    behavior: 'fall',
    severity: 'alarm',
    start: new Date(Date.now() - 3000).toISOString(),
    opened: new Date(Date.now() - 2200).toISOString(),
    end: null,
    confidence: 0.94,
    subjects: [ID],
    measures: [{ name: 'descent_speed', value: 0.768, unit: 'body heights/s' }],
    reason: 'The hips dropped 0.46 body heights in 0.6 s.',
    validated: true,
    feedback: null,
    ...change,
  };
}

describe.skipIf(executable === undefined)('the dashboard', () => {
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let cloud: FakeCloud;
  let problems: string[];
  let foreign: string[];
  let playing: ReturnType<typeof setInterval> | undefined;

  /** Scenes each 100 ms until told otherwise. */
  function play(subjects = figure(), camera = CAMERA) {
    clearInterval(playing);
    playing = setInterval(() => cloud.scene(camera, subjects), 100);
  }

  async function open(options: Parameters<Browser['newContext']>[0] = {}) {
    await context?.close();
    context = await browser.newContext({
      viewport: { width: 1280, height: 900 },
      locale: 'en-GB',
      timezoneId: 'Asia/Tokyo',
      ...options,
    });
    page = await context.newPage();
    page.setDefaultTimeout(15_000);
    page.on('console', (message) => {
      const asked = message.text().includes('getImageData'); // this test’s own looking
      if (['error', 'warning'].includes(message.type()) && !asked) problems.push(message.text());
    });
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('request', (request) => {
      if (!request.url().startsWith(cloud.url) && !request.url().startsWith('blob:')) {
        foreign.push(request.url());
      }
    });
    await page.goto(cloud.url);
  }

  /** Colour of the picture at (u, v), so that what is drawn can be told from what is not. */
  function colourAt(u: number, v: number): Promise<number[]> {
    return page.evaluate(
      ([x, y]) => {
        const canvas = document.querySelector('canvas');
        const ctx = canvas?.getContext('2d');
        if (!canvas || !ctx) throw new Error('there is no picture');
        const place = [Math.round(x * canvas.width), Math.round(y * canvas.height)] as const;
        return [...ctx.getImageData(place[0], place[1], 1, 1).data.slice(0, 3)];
      },
      [u, v] as const,
    );
  }

  const text = (what: string) => page.getByText(what, { exact: false }).first().waitFor();

  /** Whether the canvas is shown grey, as everything that is not now must be. */
  const isGrey = () =>
    page.evaluate(() => {
      const canvas = document.querySelector('canvas');
      return canvas !== null && getComputedStyle(canvas).filter.includes('grayscale(1)');
    });

  beforeAll(async () => {
    if (executable !== undefined) browser = await launch(executable);
  });

  afterAll(() => browser?.close());

  beforeEach(async () => {
    problems = [];
    foreign = [];
    cloud = new FakeCloud(inject('page'));
    cloud.addCamera(CAMERA, 'Ward 3', {
      plate: DIGEST,
      plate_known_percent: 96,
      zones: [
        {
          name: 'Store',
          kind: 'intrude',
          polygon: [
            [0.7, 0.6],
            [0.95, 0.6],
            [0.95, 0.9],
            [0.7, 0.9],
          ],
          hours: '22:00-06:00',
        },
      ],
    });
    await cloud.start();
    cloud.status(CAMERA);
  });

  afterEach(async () => {
    clearInterval(playing);
    await context.close();
    await cloud.stop();
    expect(foreign).toEqual([]);
    expect(problems).toEqual([]);
  });

  it('shows the room, the mannequin, who does what, and the camera’s health', async () => {
    const camera = { ...cloud.cameras[0] } as Camera;
    cloud.cameras = [{ ...camera, plate: null }];
    play([]);
    await open();
    await text('The room is not learnt yet');
    cloud.cameras = [camera];
    await page.getByText('The room is not learnt yet').waitFor({ state: 'detached' });
    await text('0 people');
    await text('Nobody is seen.');
    const chest: [number, number] = [0.4, 0.47];
    await expect.poll(() => colourAt(...chest)).not.toEqual([128, 128, 128]); // the plate is there
    const room = await colourAt(...chest);
    play();
    await text('1 person');
    await text('Standing');
    await text('83 %');
    await text('29.9 per s');
    await text('Locked');
    await expect.poll(() => colourAt(...chest)).not.toEqual(room);
    await expect.poll(isGrey).toBe(false);
    const label = await page.getByRole('img', { name: /Ward 3, live/ }).getAttribute('aria-label');
    expect(label).toContain('1 person: P-');
    await expect.poll(() => page.title()).toBe('Mizaru');
  });

  it('announces an incident as it opens, lets it tick, and moves it to the history', async () => {
    play();
    await open();
    await text('No incident is open.');
    play(figure(1));
    cloud.incident(fall());
    const card = page.getByTestId('open-incident');
    await card.waitFor();
    const words = await card.textContent();
    for (const wanted of ['Alarm', 'Fall', '0.46', '0.768 body heights/s', '94 %', 'P-', 'Ward 3'])
      expect(words).toContain(wanted);
    await expect.poll(() => page.title()).toBe('(1) Alarm: Fall · Mizaru');
    const announcement = page.getByTestId('announcement');
    await expect.poll(() => announcement.textContent()).toContain('Alarm: Fall, Ward 3');
    expect(await announcement.getAttribute('aria-live')).toBe('assertive');
    const lasted = async () => /open for (\d+) s/.exec((await card.textContent()) ?? '')?.[1];
    const first = await lasted();
    await expect.poll(lasted).not.toBe(first);

    cloud.incident(fall({ event: 'closed', end: new Date().toISOString() }));
    await page.getByTestId('closed-incident').waitFor();
    await expect.poll(() => card.count()).toBe(0);
    await expect.poll(() => page.title()).toBe('Mizaru');
  });

  it('takes an operator’s word by keyboard, shows it to others, and takes it back', async () => {
    cloud.scene(CAMERA, figure(1)); // one is enough: two pages draw it
    cloud.incident(fall());
    await open();
    const other = await context.newPage();
    await other.goto(cloud.url);
    const verdict = page.getByTestId('verdict');
    const wrong = verdict.getByRole('button', { name: 'False alarm' });
    await wrong.focus();
    await page.keyboard.press('Enter');
    await verdict.getByText('Called false').waitFor();
    expect(await wrong.getAttribute('aria-pressed')).toBe('true');
    expect(await wrong.evaluate((button) => button === document.activeElement)).toBe(true);
    await other.getByText('Called false').waitFor();

    await verdict.getByRole('button', { name: 'Add note' }).click();
    await page.keyboard.type('a child fell onto a mat');
    await page.keyboard.press('Enter');
    await verdict.getByText('a child fell onto a mat').waitFor();
    await other.getByText('a child fell onto a mat').waitFor();
    const change = verdict.getByRole('button', { name: 'Change note' });
    expect(await change.evaluate((button) => button === document.activeElement)).toBe(true);

    await verdict.getByRole('button', { name: 'Confirm' }).click();
    await verdict.getByText('Confirmed').waitFor();
    expect(cloud.incidents[0]?.feedback).toMatchObject({
      verdict: 'confirmed',
      note: 'a child fell onto a mat',
    });
    await verdict.getByRole('button', { name: 'Undo' }).click();
    await verdict.getByText('Was this right?').waitFor();
    await other.getByText('Was this right?').waitFor();
    expect(cloud.incidents[0]?.feedback).toBeNull();

    cloud.full = true;
    await wrong.click();
    await verdict.getByRole('alert').getByText('no room left on the disk').waitFor();
    await verdict.getByText('Was this right?').waitFor();
    problems = problems.filter((line) => !line.includes('507'));
  });

  it('marks what is not validated, says why, and resets what feedback changed', async () => {
    play([subject(ID, { u: 0.4, v: 0.85, height: 0.55, fallen: 0 }, 'push', 0.7)]);
    cloud.incident(fall({ id: 'p', behavior: 'push', severity: 'warning', validated: false }));
    cloud.incident(fall());
    await open();
    const push = page.getByTestId('open-incident').filter({ hasText: 'Push' });
    await push.getByText('How it went').click();
    await push.getByRole('img', { name: /height of head and shoulders/ }).waitFor();
    const badge = push.getByTestId('not-validated');
    expect(await badge.getAttribute('title')).toContain('Not validated on real people: push');
    // The other one stands at who does what.
    await expect.poll(() => page.getByTestId('not-validated').count()).toBe(2);
    await push.getByRole('button', { name: 'Confirm' }).click();
    const wrong = page.getByTestId('open-incident').filter({ hasText: 'Fall' });
    await wrong.getByRole('button', { name: 'False alarm' }).click();
    await wrong.getByText('Called false').waitFor();

    await badge.focus();
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog', { name: 'What recognises behaviour here' });
    await dialog.getByText('On GMDCSA24, UP-Fall.').waitFor();
    await dialog.getByText('5f1c5f1c5f1c').waitFor();
    const reset = dialog.getByRole('button', { name: 'Reset to as shipped' });
    await dialog.getByTestId('adapted').getByText('1 false alarm').waitFor();
    await reset.click();
    await dialog.getByTestId('as-shipped').waitFor();
    expect(cloud.incidents.find(({ id }) => id === 'i-1')?.feedback).not.toBeNull();
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
    expect(await badge.evaluate((button) => button === document.activeElement)).toBe(true);
  });

  it('puts the worst open incident first and reads the history page by page, in the viewer’s time', async () => {
    const start = (k: number) => new Date(Date.now() - 60_000 * (k + 1)).toISOString();
    for (let k = 0; k < 30; k += 1) {
      cloud.incidents.push(
        fall({ id: `old-${k}`, event: 'closed', start: start(k), end: start(k - 0.1) }),
      );
    }
    cloud.incidents.push(fall({ id: 'n', behavior: 'loiter', severity: 'notice' }));
    cloud.incidents.push(
      fall({
        id: 'long ago',
        event: 'closed',
        start: '2026-03-01T15:30:05Z',
        end: '2026-03-01T15:31:05Z',
      }),
    );
    play();
    cloud.incidents.push(fall({ id: 'a', start: start(5) }));
    await open();
    await expect.poll(() => page.getByTestId('closed-incident').count()).toBe(20);
    const order = await page.getByTestId('open-incident').allTextContents();
    expect(order.map((words) => /^[A-Z][a-z]+/.exec(words)?.[0])).toEqual(['Alarm', 'Notice']);
    await page.getByRole('button', { name: 'Show earlier incidents' }).click();
    await expect.poll(() => page.getByTestId('closed-incident').count()).toBe(31);
    await expect
      .poll(() => page.getByRole('button', { name: 'Show earlier incidents' }).count())
      .toBe(0);
    await text('2 Mar 2026, 00:30:05'); // in the viewer’s zone, Tokyo
    await text('1 min 00 s');
  });

  it('never shows a blind, silent or disconnected camera as live', async () => {
    play();
    await open();
    await text('1 person');
    clearInterval(playing);
    cloud.status(CAMERA, { state: 'blind', fps: 0 });
    const notice = page.getByTestId('not-live');
    await notice.getByText('Blind').waitFor();
    await expect.poll(isGrey).toBe(true);
    await text('count not known');
    await expect.poll(() => notice.textContent()).toMatch(/last seen [1-9]\d* s ago/);

    cloud.status(CAMERA);
    play();
    await notice.waitFor({ state: 'detached' });
    await expect.poll(isGrey).toBe(false);

    clearInterval(playing);
    cloud.status(CAMERA, { connected: false });
    await notice.getByText('Edge offline').waitFor();

    cloud.status(CAMERA);
    play();
    await notice.waitFor({ state: 'detached' });
    clearInterval(playing); // and not a word about it
    await notice.getByText('Stale').waitFor();
    await expect.poll(isGrey).toBe(true);
  });

  it('says so when the cloud is gone, and comes back by itself', async () => {
    play();
    await open();
    await text('1 person');
    cloud.incident(fall());
    await page.getByTestId('open-incident').waitFor();
    clearInterval(playing);
    await cloud.stop();
    await text('Not connected to the cloud');
    await text('Open now, as last heard');
    await page.getByTestId('not-live').getByText('Not connected').waitFor();
    await expect.poll(isGrey).toBe(true);

    cloud.incidents = [fall({ event: 'closed', end: new Date().toISOString() })];
    await cloud.start();
    play();
    await page.getByTestId('closed-incident').waitFor({ timeout: 25_000 });
    await page.getByTestId('not-live').waitFor({ state: 'detached' });
    await expect.poll(() => page.getByTestId('open-incident').count()).toBe(0);
    await expect.poll(() => page.getByText('Not connected to the cloud').count()).toBe(0);
    // Chromium itself writes a line for each connection that fails; nothing else may.
    problems = problems.filter((line) => !/net::ERR_|WebSocket connection to/.test(line));
  });

  it('says of a scene from the spool how old it is', async () => {
    await open();
    clearInterval(playing);
    playing = setInterval(
      () => cloud.scene(CAMERA, figure(), { time: new Date(Date.now() - 40_000).toISOString() }),
      100,
    );
    await text('this was 40 s ago');
    await text('1 person then');
  });

  it('keeps the chosen camera, by mouse, keyboard and address', async () => {
    cloud.addCamera('door', 'Door', { width: null, height: null });
    cloud.status('door', { state: 'blind' });
    play();
    await open();
    await page.getByRole('heading', { name: 'Ward 3' }).waitFor();
    await page.getByRole('tab', { name: /Ward 3/ }).focus();
    await page.keyboard.press('ArrowRight');
    await page.getByRole('heading', { name: 'Door' }).waitFor();
    await page.reload();
    await page.getByRole('heading', { name: 'Door' }).waitFor();
    await page.getByTestId('not-live').getByText('Blind').waitFor();
  });

  it.each([
    ['light, wide', 1440, 'light'],
    ['dark, phone', 360, 'dark'],
  ] as const)('passes axe and fits the window: %s', async (_, width, colorScheme) => {
    cloud.addCamera('door', 'Door', { width: null, height: null });
    cloud.status('door', { state: 'blind', sandboxed: false, restarts: 2 });
    cloud.incidents.push(fall(), fall({ id: 'w', behavior: 'push', severity: 'warning' }));
    const end = new Date().toISOString();
    const said = { verdict: 'false_alarm', note: 'the cleaner knelt', time: end } as const;
    cloud.incidents.push(
      fall({ id: 'n', severity: 'notice', event: 'closed', end, feedback: said }),
      fall({ id: 'b', behavior: 'bully', event: 'closed', end, validated: false }),
    );
    play(figure(1));
    await open({ viewport: { width, height: 800 }, colorScheme, bypassCSP: true });
    await page.getByTestId('open-incident').first().waitFor();
    await page.getByText('What this page cannot show').click();
    await page.getByText('How it went').first().click();
    await page.getByRole('img', { name: /height of head and shoulders/ }).waitFor();
    const check = async () => {
      await page.evaluate(await readFile(axe, 'utf8'));
      const found = await page.evaluate(async () => {
        const { axe } = window as unknown as { axe: typeof import('axe-core') };
        const { violations } = await axe.run();
        return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html)}`);
      });
      expect(found).toEqual([]);
    };
    await check();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
    await page.getByRole('button', { name: 'Recognizer' }).click();
    await page.getByText('On GMDCSA24, UP-Fall.').waitFor();
    await page.getByTestId('adapted').getByText('1 false alarm').waitFor();
    await check();
    await page.keyboard.press('Escape');
    await page.getByRole('tab', { name: /Door/ }).click();
    await page.getByTestId('not-live').waitFor();
    await check();
  });
});
