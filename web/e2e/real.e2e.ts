/** The page against the real cloud, whose address the test in tests/e2e gives. */
import { expect, it } from 'vitest';
import { findChromium, launch } from './chromium';

const url = process.env.MIZARU_URL;

it.skipIf(url === undefined)('shows what the real cloud says, under its own policy', async () => {
  const executable = findChromium();
  if (url === undefined || executable === undefined) throw new Error('no address or no Chromium');
  const browser = await launch(executable);
  try {
    const problems: string[] = [];
    const page = await browser.newPage();
    page.setDefaultTimeout(20_000);
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) problems.push(message.text());
    });
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('request', (request) => {
      if (!request.url().startsWith(url)) problems.push(`foreign: ${request.url()}`);
    });
    const answer = await page.goto(url);
    expect(answer?.headers()['content-security-policy']).toContain("default-src 'none'");
    await page
      .getByRole('img', { name: /Test room, live: 1 person: P-\S+ (standing|intrusion)/ })
      .waitFor();
    await page.getByText('Connected').first().waitFor();
    const incident = page.getByTestId('open-incident');
    await incident.waitFor();
    expect(await incident.textContent()).toContain('Intrusion');
    await expect.poll(() => page.title()).toContain('Intrusion');

    // What is said is stored, and the camera follows: within its bounds, and back.
    await incident.getByRole('button', { name: 'False alarm' }).click();
    await incident.getByText('Called false').waitFor();
    await page.reload();
    await incident.getByText('Called false').waitFor();
    await page.getByRole('button', { name: 'Recognizer' }).click();
    const dialog = page.getByRole('dialog', { name: 'What recognises behaviour here' });
    await dialog.getByTestId('adapted').getByText('1 false alarm').waitFor();
    await dialog.getByRole('button', { name: 'Reset to as shipped' }).click();
    await dialog.getByTestId('as-shipped').waitFor();
    await page.keyboard.press('Escape');
    await incident.getByRole('button', { name: 'Undo' }).click();
    await incident.getByText('Was this right?').waitFor();
    expect(problems).toEqual([]);
  } finally {
    await browser.close();
  }
});
