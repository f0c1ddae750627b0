// Talking: answers, branches, what a reload and a second tab find.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import {
  answered, asked, button, endAnswer, feed, lastAnswer, messages, openPage, playModel, saved, say,
  startBrowser, startServer,
} from './harness.mjs';

let server, browser, page, check;
before(async () => {
  server = await startServer();
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});
beforeEach(async () => ({ page, check } = await openPage(browser, server.url)));
afterEach(() => check());

const story = 'Once upon a time, a small fox found a lantern in the forest.';

test('a message is answered, and a reload shows both again', async () => {
  await say(page, story);
  const answer = await lastAnswer(page).locator('.markdown').innerText();
  assert(answer.length > 10, answer);
  assert.match(await lastAnswer(page).locator('.stats').innerText(), /tokens\/s/);
  assert.match(await lastAnswer(page).innerText(), /The model has no chat template/);
  assert.match(await page.getByRole('meter').getAttribute('aria-valuetext'), /of 512 tokens/);
  await saved(page);
  await page.reload();
  await messages(page).nth(1).waitFor();
  assert.equal(await page.locator('.message.user .said').innerText(), story);
  assert.equal(await lastAnswer(page).locator('.markdown').innerText(), answer);
  assert.equal(await page.title(), 'Once upon a time, a small fox found a lantern in the forest. · Quire');
});

test('the draft of a message outlives a reload', async () => {
  await page.getByLabel('Message', { exact: true }).fill('half a thought');
  await page.reload();
  assert.equal(await page.getByLabel('Message', { exact: true }).inputValue(), 'half a thought');
});

test('an answer that is stopped stays as far as it came, and can go on', async () => {
  await playModel(page);
  await page.getByLabel('Message', { exact: true }).fill('Count.');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => window.answers.length === 1);
  await feed(page, { content: 'one two' });
  await page.getByText('one two').waitFor();
  await page.keyboard.press('Escape');
  await page.getByText('Stopped.').waitFor();
  assert(await page.evaluate(() => window.answers[0].aborted));
  await saved(page);
  await page.reload();
  await page.getByText('one two').waitFor();
  await playModel(page);
  await button(lastAnswer(page), 'Continue').click();
  const body = await asked(page);
  assert.equal(body.messages.at(-1).content, 'one two');
  assert.equal(body.continue_final_message, true);
  await feed(page, { content: ' three' }, 'stop');
  await endAnswer(page);
  await answered(page);
  assert.equal(await lastAnswer(page).locator('.markdown').innerText(), 'one two three');
});

test('an answer that a reload broke off is there, and says so', async () => {
  await playModel(page);
  await page.getByLabel('Message', { exact: true }).fill('Count.');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => window.answers.length === 1);
  await feed(page, { content: 'one two' });
  await page.getByText('one two').waitFor();
  await page.reload();
  await page.getByText('one two').waitFor();
  await page.getByText('This answer was interrupted.').waitFor();
});

test('an edited message is a sibling with an answer of its own, and arrows move between them', async () => {
  await say(page, story);
  const first = await lastAnswer(page).locator('.markdown').innerText();
  const mine = page.locator('.message.user');
  await button(mine, 'Edit').click();
  await page.getByLabel('Edit the message').fill('The old boat lay on the beach.');
  await button(page, 'Send').first().click();
  await page.getByText('2 / 2').waitFor();
  await answered(page);
  assert.equal(await mine.locator('.said').innerText(), 'The old boat lay on the beach.');
  await button(mine, 'Previous version').click();
  assert.equal(await mine.locator('.said').innerText(), story);
  assert.equal(await lastAnswer(page).locator('.markdown').innerText(), first);
  await saved(page);
  await page.reload();
  await page.getByText('1 / 2').waitFor();
  assert.equal(await mine.locator('.said').innerText(), story);
});

test('a regenerated answer is a sibling', async () => {
  await say(page, story);
  await button(lastAnswer(page), 'Regenerate').click();
  await page.getByText('2 / 2').waitFor();
  await answered(page);
  await button(lastAnswer(page), 'Previous version').click();
  await page.getByText('1 / 2').waitFor();
  assert.equal(await messages(page).count(), 2);
});

test('hovering over a token shows what else could have stood there, and another can be taken', async () => {
  await say(page, story);
  await button(lastAnswer(page), 'Probabilities of the tokens').click();
  const token = page.locator('.token').nth(3);
  const before = await page.locator('.token').allInnerTexts();
  await token.hover();
  const list = page.locator('.alternatives');
  assert.match(await list.innerText(), /\d %/);
  const other = list.locator('li:not(.this) button').first();
  const name = (await other.locator('.name').innerText()).replaceAll('·', ' ').replaceAll('⏎', '\n');
  await other.click();
  await page.getByText('2 / 2').waitFor();
  await answered(page);
  const text = await page.evaluate(async () => {
    const id = location.hash.split('/').at(-1);
    const chat = await (await fetch(`/app/api/chats/${id}`)).json();
    return chat.messages[chat.head].content;
  });
  assert(text.startsWith(before.slice(0, 3).join('').replaceAll('⏎', '\n') + name), text);
});

test('tokens are reached with the arrow keys', async () => {
  await say(page, story);
  await button(lastAnswer(page), 'Probabilities of the tokens').click();
  await page.locator('.token').first().focus();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowRight');
  assert.equal(await page.evaluate(() => document.activeElement.dataset.at), '2');
  await page.locator('.alternatives').waitFor();
  await page.keyboard.press('Escape');
  await page.locator('.alternatives').waitFor({ state: 'detached' });
});

test('two tabs that write to the same chat lose nothing', async () => {
  await say(page, story);
  await saved(page);
  const second = await page.context().newPage();
  await second.goto(page.url());
  await messages(second).nth(1).waitFor();
  await say(second, 'And the second tab.');
  await saved(second);
  await say(page, 'And the first tab.');
  await saved(page);
  await page.waitForTimeout(1500);
  await page.reload();
  await messages(page).nth(3).waitFor();
  const ids = await page.evaluate(async () => {
    const id = location.hash.split('/').at(-1);
    return Object.values((await (await fetch(`/app/api/chats/${id}`)).json()).messages);
  });
  const said = ids.filter((message) => message.role === 'user').map((message) => message.content);
  assert.deepEqual(said.sort(), ['And the first tab.', 'And the second tab.', story]);
});

test('thinking and calls are shown, and what the tools answer is sent', async () => {
  await playModel(page);
  await page.getByLabel('Message', { exact: true }).fill('What is the weather?');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => window.answers.length === 1);
  await feed(page, { reasoning_content: 'The user wants the weather.' });
  await page.getByText('Thinking…').waitFor();
  await page.getByText('The user wants the weather.').waitFor();
  const begin = { index: 0, id: 'call_1', type: 'function' };
  await feed(page, { tool_calls: [{ ...begin, function: { name: 'weather', arguments: '' } }] });
  await feed(page, { tool_calls: [{ index: 0, function: { arguments: '{"city":"Bern"}' } }] });
  await feed(page, {}, 'tool_calls');
  await endAnswer(page);
  await answered(page);
  assert.match(await page.locator('.tool-calls').innerText(), /"city": "Bern"/);
  await page.getByLabel('What weather answers').fill('sunny');
  await button(page, 'Send the result').click();
  await page.waitForFunction(() => window.answers.length === 2);
  const { messages: sent } = await asked(page);
  assert.deepEqual(sent.at(-1), { role: 'tool', tool_call_id: 'call_1', content: 'sunny' });
  assert.equal(sent.at(-2).tool_calls[0].function.arguments, '{"city":"Bern"}');
  await feed(page, { content: 'It is sunny.' }, 'stop');
  await endAnswer(page);
  await lastAnswer(page).getByText('It is sunny.').waitFor();
});

test('attached text goes with the message, and what is not text is refused', async () => {
  await playModel(page);
  const input = page.locator('.composer input[type=file]');
  const file = (name, bytes) => ({ name, mimeType: '', buffer: Buffer.from(bytes) });
  await input.setInputFiles([file('notes.txt', 'a fence: ```\n'), file('x.bin', [1, 0, 2])]);
  await page.getByText('x.bin is not text').waitFor();
  await page.getByLabel('Attached files').getByText('notes.txt').waitFor();
  await page.getByLabel('Message', { exact: true }).fill('What is in it?');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => window.answers.length === 1);
  const { messages: sent } = await asked(page);
  assert.equal(sent[0].content, 'File notes.txt:\n````\na fence: ```\n````\n\nWhat is in it?');
  await endAnswer(page);
});

test('the system prompt and the sampling reach the server', async () => {
  await playModel(page);
  await button(page, 'Chat settings').click();
  await page.getByLabel('System prompt', { exact: true }).fill('Answer in rhyme.');
  await page.getByLabel('Sampling preset').selectOption({ label: 'Always the likeliest' });
  await page.getByLabel('Most tokens').fill('7');
  await page.getByLabel('Most tokens').press('Tab');
  await button(page, 'Close').click();
  await page.getByLabel('Message', { exact: true }).fill('Hello.');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => window.answers.length === 1);
  const body = await asked(page);
  assert.deepEqual(body.messages[0], { role: 'system', content: 'Answer in rhyme.' });
  assert.equal(body.temperature, 0);
  assert.equal(body.max_tokens, 7);
  await endAnswer(page);
});

test('a server that refuses is quoted, and the message is not lost', async () => {
  await say(page, 'word '.repeat(600));
  assert.match(await page.locator('.state.error').innerText(), /context|512/);
  await saved(page);
  await page.reload();
  await page.locator('.message.user').waitFor();
});

test('a chat is renamed, deleted, and had back', async () => {
  await say(page, story);
  await saved(page);
  const list = page.getByRole('navigation', { name: 'Chats' });
  const count = await list.getByRole('link').count();
  await list.getByRole('button', { name: /^Rename/ }).first().focus();
  await page.keyboard.press('Enter');
  await page.getByLabel('Title of the chat').fill('The fox');
  await page.keyboard.press('Enter');
  await list.getByRole('link', { name: 'The fox' }).waitFor();
  await button(list, 'Delete The fox').focus();
  await page.keyboard.press('Enter');
  await page.getByText('Deleted “The fox”.').waitFor();
  assert.equal(await list.getByRole('link').count(), count - 1);
  await button(page, 'Undo').click();
  await list.getByRole('link', { name: 'The fox' }).waitFor();
});

test('a reload in the middle of a long answer keeps what was shown', async () => {
  await playModel(page);
  await page.getByLabel('Message', { exact: true }).fill('At length.');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => window.answers.length === 1);
  await feed(page, { content: 'long '.repeat(40000) });
  await feed(page, { content: 'and the end' });
  await page.getByText('and the end').waitFor();
  await page.reload();
  await page.getByText('and the end').waitFor();
  await saved(page);
  const length = await page.evaluate(async () => {
    const id = location.hash.split('/').at(-1);
    const chat = await (await fetch(`/app/api/chats/${id}`)).json();
    return chat.messages[chat.head].content.length;
  });
  assert.equal(length, 200011);
});

test('a chat that is not there says so', async () => {
  for (const id of ['nowhere', '..%2f..', '%', 'x'.repeat(100)]) {
    await page.goto(`${server.url}/#/chat/${id}`);
    await page.getByText('This chat cannot be shown').waitFor();
  }
});
