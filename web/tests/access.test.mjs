// For everyone: axe-core on every page, keyboard, phone, light and dark.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import {
  button, chatWith, lastAnswer, openPage, putChat, saved, say, startBrowser, startServer,
} from './harness.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let server, browser;
before(async () => {
  server = await startServer();
  browser = await startBrowser();
  const text = '# Title\n\nA `word`, a [link](https://example.org), $x^2$.\n\n```c\nint x = 1; // one\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |';
  const chat = chatWith('shown', text, 'What is shown');
  Object.assign(chat.messages.a, {
    reasoning: 'First this.',
    tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{"a":1}' } }],
    usage: { prompt_tokens: 100, completion_tokens: 20 },
    timings: { prompt_ms: 10, predicted_per_second: 99 },
    logprobs: [['A', -0.01, [['A', -0.01]]], [' word', -0.4, []], [' is', -1, []], [' rare', -3, []], ['!', -7, []]],
  });
  Object.assign(chat.messages.q, { attachments: [{ name: 'a.txt', bytes: 3, text: 'abc' }] });
  await putChat(server.url, chat);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

async function violations(page) {
  await page.evaluate(axe);
  return page.evaluate(async () => {
    const { violations } = await window.axe.run(document, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    });
    return violations.map(({ id, nodes }) => ({
      id,
      nodes: nodes.slice(0, 5).map((node) => `${node.html.slice(0, 160)} ${node.failureSummary}`),
    }));
  });
}

const places = {
  'a new chat': '/#/chat',
  'a chat': '/#/chat/shown',
  models: '/#/models',
  'the server now': '/#/server/now',
  'the log': '/#/server/log',
  requests: '/#/server/requests',
  snippets: '/#/server/api',
};

for (const colorScheme of ['light', 'dark'])
  for (const width of [1200, 390])
    test(`axe-core finds nothing, ${colorScheme}, ${width} pixels wide`, async () => {
      const options = { colorScheme, viewport: { width, height: 800 } };
      const { page, check } = await openPage(browser, server.url, options);
      for (const [name, path] of Object.entries(places)) {
        await page.goto(server.url + path);
        await page.locator('h1').waitFor();
        await page.waitForTimeout(400);
        assert.deepEqual({ [name]: await violations(page) }, { [name]: [] });
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert(wide <= 0, `${name} is ${wide} pixels too wide`);
      }
      await page.goto(`${server.url}/#/chat/shown`);
      await button(lastAnswer(page), 'Probabilities of the tokens').click();
      await page.locator('.token').first().focus();
      assert.deepEqual({ tokens: await violations(page) }, { tokens: [] });
      await button(page, 'Chat settings').click();
      assert.deepEqual({ sheet: await violations(page) }, { sheet: [] });
      await check();
    });

test('everything is reached with the keyboard, beginning with the skip link', async () => {
  const { page, check } = await openPage(browser, `${server.url}/#/chat/shown`);
  await lastAnswer(page).waitFor();
  await page.evaluate(() => document.activeElement.blur());
  const names = [];
  for (let i = 0; i < 60; ++i) {
    await page.keyboard.press('Tab');
    names.push(
      await page.evaluate(() => {
        const { activeElement: at } = document;
        return at.getAttribute('aria-label') || at.textContent.trim();
      }),
    );
    if (names.at(-1) === 'Send' || names.at(-1) === 'Message') break;
  }
  const order = ['Skip to the message box', 'Chat', 'Models', 'Server', 'New chat', 'What is shown',
    'Model', 'Chat settings', 'Edit', 'Regenerate', 'Attach text files', 'Message'];
  let at = -1;
  for (const name of order) {
    at = names.indexOf(name, at + 1);
    assert(at >= 0, `${name} is missing, or too early, in ${names.join(', ')}`);
  }
  await page.locator('.skip').focus();
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), 'Message');
  await check();
});

test('an answer is read out as it comes', async () => {
  const { page, check } = await openPage(browser, server.url);
  await page.evaluate(() => {
    window.heard = [];
    new MutationObserver(() => {
      const text = document.querySelector('[aria-live="polite"].unseen')?.textContent;
      if (text) window.heard.push(text);
    }).observe(document.body, { subtree: true, childList: true, characterData: true });
  });
  await say(page, 'Once upon a time');
  await page.waitForFunction(() => window.heard.at(-1)?.endsWith('End of the answer.'));
  const heard = await page.evaluate(() => [...new Set(window.heard)].join(' '));
  const answer = await lastAnswer(page).locator('.markdown').innerText();
  const words = (text) => text.split(/\s+/).filter(Boolean);
  for (const word of words(answer)) assert(heard.includes(word), `${word} was not read out`);
  await check();
});

test('on a phone the lists are behind a button, and a chat works', async () => {
  const options = { viewport: { width: 360, height: 700 }, hasTouch: true, isMobile: true };
  const { page, check } = await openPage(browser, server.url, options);
  assert.equal(await page.getByRole('link', { name: 'Models' }).isVisible(), false);
  await button(page, 'Open the menu').click();
  await page.getByRole('link', { name: 'Models' }).click();
  await page.getByRole('heading', { name: 'Models', level: 1 }).waitFor();
  await page.locator('#sidebar').waitFor({ state: 'hidden' });
  await button(page, 'Open the menu').click();
  await button(page, 'New chat').click();
  await page.getByLabel('Message', { exact: true }).fill('The sun was warm.');
  await button(page, 'Send').click();
  await lastAnswer(page).locator('.stats').waitFor();
  assert((await page.evaluate(() => document.documentElement.scrollWidth)) <= 360);
  await check();
});

test('the theme follows the system until one is chosen, which a reload keeps', async () => {
  const { page, check } = await openPage(browser, server.url, { colorScheme: 'dark' });
  const lightness = () =>
    page.evaluate(() => {
      const [r, g, b] = getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number);
      return (r + g + b) / 765;
    });
  assert((await lightness()) < 0.2);
  await button(page, 'Theme: as the system').click();
  await button(page, 'Theme: light').waitFor();
  assert((await lightness()) > 0.9);
  await saved(page);
  await page.reload();
  await button(page, 'Theme: light').waitFor();
  assert((await lightness()) > 0.9);
  await button(page, 'Theme: light').click();
  await button(page, 'Theme: dark').click();
  await saved(page);
  await check();
});
