// A quire serve of its own with an empty home, and a browser that watches what a page does: a request
// to another host, a violation of the policy, or an error in a script fails the test.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const root = fileURLToPath(new URL('../..', import.meta.url));
const program = process.env.QUIRE ?? join(root, 'build/quire');
const browsers = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser'];

/** Starts a server; `stop()` ends it and removes its home. */
export async function startServer(...flags) {
  const home = await mkdtemp(join(tmpdir(), 'quire-web-'));
  const child = spawn(program, ['serve', 'tales', '--port', '0', ...flags], {
    env: { ...process.env, HOME: home, QUIRE_HOME: join(home, 'quire') },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  const url = await new Promise((resolve, reject) => {
    child.stderr.setEncoding('utf8').on('data', (text) => {
      said += text;
      const found = /serving at (http:\S+)/.exec(said);
      if (found) resolve(found[1]);
    });
    child.on('exit', () => reject(new Error(`the server ended: ${said}`)));
    child.on('error', reject);
  });
  const stop = async () => {
    const ended = new Promise((resolve) => child.on('exit', resolve));
    child.kill('SIGTERM');
    await ended;
    await rm(home, { recursive: true, force: true });
  };
  return { url, stop, home };
}

export async function startBrowser() {
  const executablePath = browsers.find((path) => path && existsSync(path));
  assert(executablePath, 'there is no Chromium: apt-get install chromium');
  return chromium.launch({ executablePath, args: ['--no-sandbox'] });
}

/** A page in a profile of its own. `check()` closes it and says whether it did anything it must not. */
export async function openPage(browser, url, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1200, height: 800 }, ...options });
  const trouble = [];
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      console.error(`policy violated: ${event.violatedDirective} ${event.blockedURI}`);
    });
  });
  const watch = (page) => {
    page.on('request', (request) => {
      const address = new URL(request.url());
      const isOurs = address.origin === new URL(url).origin;
      if (!isOurs && address.protocol !== 'blob:') trouble.push(`request to ${request.url()}`);
    });
    page.on('pageerror', (error) => trouble.push(`error in the page: ${error.stack}`));
    page.on('console', (message) => {
      if (message.text().startsWith('policy violated')) trouble.push(message.text());
    });
    page.on('dialog', (dialog) => {
      trouble.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
  };
  context.on('page', watch);
  const page = await context.newPage();
  page.setDefaultTimeout(15000);
  await page.goto(url);
  const check = async () => {
    await context.close();
    assert.deepEqual(trouble, []);
  };
  return { page, context, check };
}

/** Writes a message and waits until it is answered. */
export async function say(page, text) {
  await page.getByRole('textbox', { name: 'Message', exact: true }).fill(text);
  await page.keyboard.press('Enter');
  await answered(page);
}

/** Waits until no answer is being made. */
export async function answered(page) {
  await page.locator('.message.assistant').last().waitFor();
  await page.locator('.message[aria-busy="true"]').waitFor({ state: 'detached' });
}

export const messages = (page) => page.locator('.message');
export const lastAnswer = (page) => page.locator('.message.assistant').last();
export const button = (where, name) => where.getByRole('button', { name, exact: true });

/** Waits until everything is on the server. */
export async function saved(page) {
  await page.waitForLoadState('networkidle');
}

// What the page's next answers are, instead of the server's: each is fed by the test, piece by piece.
function takeOverAnswers() {
  const real = window.fetch.bind(window);
  window.answers = [];
  window.fetch = (address, options) => {
    if (!String(address).endsWith('/v1/chat/completions')) return real(address, options);
    const answer = { body: JSON.parse(options.body), aborted: false };
    const stream = new ReadableStream({
      start(controller) {
        const bytes = (text) => new TextEncoder().encode(text);
        answer.feed = (chunk) => controller.enqueue(bytes(`data: ${JSON.stringify(chunk)}\n\n`));
        answer.end = () => {
          controller.enqueue(bytes('data: [DONE]\n\n'));
          controller.close();
        };
        options.signal?.addEventListener('abort', () => {
          answer.aborted = true;
          controller.error(new DOMException('aborted', 'AbortError'));
        });
      },
    });
    window.answers.push(answer);
    return Promise.resolve(
      new Response(stream, { headers: { 'content-type': 'text/event-stream' } }),
    );
  };
}

/** Lets the test play the model in this page. */
export const playModel = (page) => page.evaluate(takeOverAnswers);

/** Feeds a delta to the last answer that the page asked for. */
export const feed = (page, delta, finish = null) =>
  page.evaluate(
    ([delta, finish]) =>
      window.answers.at(-1).feed({ choices: [{ index: 0, delta, finish_reason: finish }] }),
    [delta, finish],
  );

export const endAnswer = (page) => page.evaluate(() => window.answers.at(-1).end());
export const asked = (page) => page.evaluate(() => window.answers.at(-1).body);

/** A chat document with one answer, as the server keeps it. */
export function chatWith(id, answer, title = id) {
  const message = (fields) => ({ created: Date.now(), ...fields });
  return {
    id,
    title,
    model: 'tales-3m-q8_0',
    created: Date.now(),
    updated: Date.now(),
    version: 0,
    messages: {
      q: message({ id: 'q', parent: null, role: 'user', content: 'Say it.' }),
      a: message({ id: 'a', parent: 'q', role: 'assistant', finish: 'stop', content: answer }),
    },
    head: 'a',
    settings: {},
  };
}

export async function putChat(url, chat) {
  const response = await fetch(`${url}/app/api/chats/${chat.id}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(chat),
  });
  assert.equal(response.status, 200, await response.text());
}
