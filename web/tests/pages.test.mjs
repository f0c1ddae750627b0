// Models, the server's page, export and import, keys, and the headers of the files.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import {
  button, chatWith, lastAnswer, messages, openPage, putChat, saved, say, startBrowser, startServer,
} from './harness.mjs';

let server, browser;
before(async () => {
  server = await startServer();
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

test('the files come with a policy that allows nothing from elsewhere', async () => {
  const page = await fetch(server.url);
  assert.equal(page.status, 200);
  const policy = page.headers.get('content-security-policy');
  assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self';/);
  assert.match(policy, /frame-ancestors 'none'/);
  assert.doesNotMatch(policy, /unsafe|\*|https?:/);
  assert.equal(page.headers.get('x-content-type-options'), 'nosniff');
  const html = await page.text();
  assert.doesNotMatch(html, /<script>|style=|onload|https?:\/\//);
  const script = /src="\.\/(assets\/[^"]+\.js)"/.exec(html)[1];
  const answer = await fetch(`${server.url}/${script}`);
  assert.match(answer.headers.get('content-type'), /javascript/);
  assert.match(answer.headers.get('cache-control'), /immutable/);
});

test('a model is unloaded and loaded', async () => {
  const { page, check } = await openPage(browser, `${server.url}/#/models`);
  const card = page.locator('.model', { hasText: 'tales' });
  assert.match(await card.innerText(), /3\.1M parameters[^]*512 tokens of context/);
  await button(card, 'Unload').click();
  await button(card, 'Load').click();
  await button(card, 'Unload').waitFor();
  assert.match(await card.innerText(), /loaded/);
  await check();
});

test('a pull shows how far it is, can be stopped, and says why it failed', async () => {
  const { page, check } = await openPage(browser, `${server.url}/#/models`);
  const lines = [
    { status: 'pulling manifest' },
    { status: 'pulling 0123', digest: 'sha256:0123', total: 1000000, completed: 250000 },
    { error: 'the disk is full' },
  ];
  let release;
  const held = new Promise((resolve) => (release = resolve));
  await page.route('**/api/pull', async (route) => {
    await held;
    await route.fulfill({
      contentType: 'application/x-ndjson',
      body: lines.map((line) => JSON.stringify(line)).join('\n'),
    });
  });
  await page.getByLabel('Fetch a model').last().fill('hf.co/someone/something:Q4_K_M');
  await button(page, 'Fetch').click();
  await page.getByText('asking').waitFor();
  assert.equal(await page.getByRole('progressbar').count(), 1);
  release();
  await page.getByText('was not fetched: the disk is full').waitFor();
  assert.equal(await page.getByRole('progressbar').count(), 0);
  await check();
});

test('the progress of a pull is drawn', async () => {
  const { page, check } = await openPage(browser, `${server.url}/#/models`);
  await page.evaluate(() => {
    const real = window.fetch.bind(window);
    window.fetch = (address, options) => {
      if (!String(address).endsWith('/api/pull')) return real(address, options);
      const stream = new ReadableStream({
        start(controller) {
          window.step = (line) => controller.enqueue(new TextEncoder().encode(`${JSON.stringify(line)}\n`));
          options.signal.addEventListener('abort', () =>
            controller.error(new DOMException('aborted', 'AbortError')),
          );
        },
      });
      return Promise.resolve(new Response(stream));
    };
  });
  await page.getByLabel('Fetch a model').last().fill('something');
  await page.keyboard.press('Enter');
  await page.getByText('asking').waitFor();
  await page.evaluate(() =>
    window.step({ status: 'pulling', digest: 'sha256:1', total: 1048576, completed: 524288 }),
  );
  await page.getByText('512 KiB of 1 MiB (50 %)').waitFor();
  assert.equal(await page.getByRole('progressbar').getAttribute('value'), '524288');
  await button(page, 'Stop').click();
  await page.getByRole('progressbar').waitFor({ state: 'detached' });
  await check();
});

test('the log, the inspector and the plots show what the server does', async () => {
  const { page, check } = await openPage(browser, server.url);
  const prompt = 'Once upon a time, a small fox';
  await say(page, prompt);
  await lastAnswer(page).getByRole('link', { name: 'request' }).click();
  await page.getByRole('heading', { name: 'POST /v1/chat/completions' }).waitFor();
  const details = page.locator('.details');
  assert.match(await details.locator('pre').nth(0).innerText(), /Once upon a time, a small fox/);
  assert((await details.locator('pre').nth(1).innerText()).length > 10);
  assert.match(await details.locator('pre').nth(2).innerText(), /"stream": true/);
  await page.getByRole('link', { name: 'Log' }).click();
  const rows = page.locator('.log tbody tr', { hasText: '/v1/chat/completions' });
  await rows.first().waitFor();
  const before = await rows.count();
  await fetch(`${server.url}/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify({ model: 'tales', messages: [{ role: 'user', content: 'x' }], max_tokens: 1 }),
  });
  await rows.nth(before).waitFor();
  await page.getByRole('link', { name: 'Now', exact: true }).click();
  await page.locator('.plot svg path.line').first().waitFor();
  assert.equal(await page.locator('.plot').count(), 5);
  assert.match(await page.locator('.plot svg').first().getAttribute('aria-label'), /now: tokens\/s/);
  await page.getByRole('link', { name: 'API' }).click();
  const snippet = await page.locator('.snippets pre').first().innerText();
  assert(snippet.includes(`${server.url}/v1/chat/completions`), snippet);
  await check();
});

test('a request of another client is listed, but its text is not kept', async () => {
  const answer = await fetch(`${server.url}/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify({ model: 'tales', messages: [{ role: 'user', content: 'secret' }], max_tokens: 1 }),
  });
  const id = answer.headers.get('x-request-id');
  const { page, check } = await openPage(browser, `${server.url}/#/server/requests/${id}`);
  await page.getByText('Not kept.').first().waitFor();
  assert.doesNotMatch(await page.locator('.details').innerText(), /secret/);
  await check();
});

test('what is exported can be imported by another server', async () => {
  const { page, check } = await openPage(browser, server.url);
  await putChat(server.url, chatWith('kept', 'An answer to keep.', 'To keep'));
  await page.reload();
  await page.getByRole('link', { name: 'To keep' }).waitFor();
  const download = page.waitForEvent('download');
  await button(page, 'Export all chats').click();
  const made = await download;
  assert.match(made.suggestedFilename(), /^quire-chats-\d{4}-\d\d-\d\d\.json$/);
  const buffer = await readFile(await made.path());
  assert.equal(JSON.parse(buffer).format, 'quire-chats');
  await check();

  const other = await startServer();
  const { page: second, check: checkSecond } = await openPage(browser, other.url);
  await second.locator('.footer input[type=file]').setInputFiles({
    name: 'export.json', mimeType: 'application/json', buffer,
  });
  await second.getByText(/\d+ chats? imported/).waitFor();
  await second.getByRole('link', { name: 'To keep' }).click();
  await second.getByText('An answer to keep.').waitFor();
  await second.locator('.footer input[type=file]').setInputFiles({
    name: 'other.json', mimeType: 'application/json', buffer: Buffer.from('{"format":"other"}'),
  });
  await second.getByText(/other\.json was not imported/).waitFor();
  await checkSecond();
  await other.stop();
});

test('a server with a key asks for it once a tab', async () => {
  const locked = await startServer('--api-key', 'open sesame');
  const { page, check } = await openPage(browser, locked.url);
  const field = page.getByLabel('Key', { exact: true });
  await field.fill('wrong');
  await button(page, 'Continue').click();
  await page.getByText('The server refused that key.').waitFor();
  await field.fill('open sesame');
  await button(page, 'Continue').click();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await say(page, 'Once upon a time');
  await saved(page);
  await page.reload();
  await messages(page).nth(1).waitFor();
  assert.equal(await page.getByRole('dialog').count(), 0);
  await check();
  await locked.stop();
});

test('chats outlive the server', async () => {
  const { page, check } = await openPage(browser, server.url);
  await say(page, 'The lamp was bright.');
  await page.route('**/app/api/chats/*', (route) => route.abort());
  await button(page, 'Chat settings').click();
  await page.getByLabel('System prompt', { exact: true }).fill('Be kind.');
  await button(page, 'Close').click();
  await page.getByText('not saved yet').waitFor();
  await page.unroute('**/app/api/chats/*');
  await page.getByText('not saved yet').waitFor({ state: 'detached' });
  await page.reload();
  await messages(page).nth(1).waitFor();
  await button(page, 'Chat settings').click();
  assert.equal(await page.getByLabel('System prompt', { exact: true }).inputValue(), 'Be kind.');
  await check();
});
