// What a model writes is data: it runs nothing, loads nothing, and looks as it was meant to.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import {
  chatWith, endAnswer, feed, lastAnswer, openPage, playModel, putChat, startBrowser, startServer,
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

const hostile = `
<script>alert('script')</script>
<img src=x onerror="alert('onerror')"> <svg onload="alert('svg')"></svg>
<iframe src="https://evil.example/frame"></iframe><style>body{display:none}</style>
<a href="javascript:alert('a')">html link</a>

![remote](https://evil.example/pixel.png) ![data](data:image/svg+xml;base64,PHN2Zz4=)
![x](javascript:alert(1))

[click](javascript:alert('md')) [vb](vbscript:alert('vb')) [d](data:text/html,<script>alert(1)</script>)
[tab](java&#x09;script:alert('tab')) [up](JAVASCRIPT:alert('up')) [file](file:///etc/passwd)
[fine](https://example.org/page "title") <javascript:alert(1)> <https://example.org/auto>

[ref]: javascript:alert('ref')
[ref] and [good ref][g]

[g]: https://example.org/ref

\`\`\`html"><script>alert('fence')</script>
<script>alert('code')</script>
\`\`\`

$\\href{javascript:alert('tex')}{x}$ $\\includegraphics{https://evil.example/tex.png}$ $\\url{https://evil.example}$
$$\\def\\x{\\x\\x}\\x$$ $\\class{evil}{x}$ $\\htmlData{a=b}{x}$ $\\style{position:fixed}{x}$

| <img src=x onerror=alert(2)> | b |
|---|---|
| [x](javascript:alert(3)) | ![y](https://evil.example/y.png) |
`;

// Elements that could do harm, and attributes that run or load.
const harmful = () => {
  const area = document.querySelector('.messages');
  const bad = [...area.querySelectorAll('script, iframe, img, object, embed, form[action], style, link, video, audio')]
    .map((element) => element.outerHTML);
  for (const element of area.querySelectorAll('*'))
    for (const { name, value } of element.attributes)
      if (/^on/i.test(name) || /^(src|srcset|action|formaction|background|xlink:href)$/i.test(name) ||
        (name === 'href' && !/^(https:|http:|mailto:|#)/.test(value)))
        bad.push(`${element.tagName} ${name}=${value}`);
  return bad;
};

test('hostile Markdown in a kept chat runs nothing and asks no host', async () => {
  await putChat(server.url, chatWith('hostile', hostile));
  await page.goto(`${server.url}/#/chat/hostile`);
  await lastAnswer(page).locator('table').waitFor();
  await page.waitForLoadState('networkidle');
  await page.waitForTimeout(500); // temml and highlight.js come after the text
  assert.deepEqual(await page.evaluate(harmful), []);
  const text = await lastAnswer(page).innerText();
  assert.match(text, /<script>alert\('script'\)<\/script>/);
  assert.match(text, /image: remote \(https:\/\/evil\.example\/pixel\.png\)/);
  const links = lastAnswer(page).locator('.markdown a');
  for (const link of await links.all()) {
    assert.match(await link.getAttribute('href'), /^https:\/\//);
    assert.match(await link.getAttribute('rel'), /noopener/);
    assert.equal(await link.getAttribute('target'), '_blank');
  }
  for (const name of ['fine', 'https://example.org/auto', 'good ref'])
    assert.equal(await links.filter({ hasText: name }).count(), 1, name);
});

test('hostile Markdown runs nothing at any point of its stream', async () => {
  await playModel(page);
  await page.getByLabel('Message', { exact: true }).fill('Say it.');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => window.answers.length === 1);
  for (let at = 0; at < hostile.length; at += 7) {
    await feed(page, { content: hostile.slice(at, at + 7) });
    if (at % 70 === 0) assert.deepEqual(await page.evaluate(harmful), []);
  }
  await endAnswer(page);
  await lastAnswer(page).locator('table').waitFor();
  assert.deepEqual(await page.evaluate(harmful), []);
});

test('hostile titles, names of files, calls and errors are text', async () => {
  const mark = '<img src=x onerror=alert(1)>';
  const chat = chatWith('names', 'x', mark);
  Object.assign(chat.messages.q, { attachments: [{ name: mark, bytes: 3, text: mark }] });
  Object.assign(chat.messages.a, {
    reasoning: mark,
    error: mark,
    finish: 'error',
    note: mark,
    model: mark,
    request: '../../evil?"onclick=',
    usage: { prompt_tokens: 1, completion_tokens: 1 },
    tool_calls: [{ id: mark, type: 'function', function: { name: mark, arguments: mark } }],
    logprobs: [[mark, -1, [[mark, -1]]]],
  });
  await putChat(server.url, chat);
  await page.goto(`${server.url}/#/chat/names`);
  await lastAnswer(page).waitFor();
  await page.waitForTimeout(300);
  assert.deepEqual(await page.evaluate(harmful), []);
});

test('a chat whose document is nonsense is shown as far as it makes sense', async () => {
  const chat = chatWith('nonsense', 'fine');
  Object.assign(chat.messages, {
    loop1: { parent: 'loop2', role: 'user', content: 'x' },
    loop2: { parent: 'loop1', role: 'user', content: 'y' },
    no: 7,
    odd: { parent: 'q', role: 'wizard', content: { a: 1 }, created: 'soon', logprobs: 'no', tool_calls: [1] },
  });
  chat.settings = { system: 7, sampling: 'x', tools: [], preset: {}, truncate: 'yes' };
  await putChat(server.url, chat);
  await page.goto(`${server.url}/#/chat/nonsense`);
  await page.getByText('fine').waitFor();
  chat.head = 'loop1';
  chat.id = 'nonsense2';
  await putChat(server.url, chat);
  await page.goto(`${server.url}/#/chat/nonsense2`);
  await page.locator('.message').first().waitFor();
});

test('Markdown, code and formulas are drawn', async () => {
  const text = `# Title

A *word*, a **strong** one, ~~gone~~, \`code\`, $e^{i\\pi} + 1 = 0$ and \\(a_1\\). It costs $5 or $6.

1. one
2. two
   - nested

> quoted

| a | b |
|:--|--:|
| 1 | 2 |

\`\`\`python
def f(x):
    return "text" + str(x)  # why
\`\`\`

$$
\\frac{1}{2} \\sum_{k=1}^{n} k
$$

\\[ x^2 \\]
`;
  await putChat(server.url, chatWith('drawn', text));
  await page.goto(`${server.url}/#/chat/drawn`);
  const answer = lastAnswer(page);
  await answer.locator('math').nth(3).waitFor();
  assert.equal(await answer.locator('math').count(), 4);
  assert.equal(await answer.locator('.formula.display math').count(), 2);
  await answer.locator('.hljs-keyword', { hasText: 'def' }).waitFor();
  assert.match(await answer.innerText(), /It costs \$5 or \$6\./);
  assert.equal(await answer.locator('ol > li').count(), 2);
  assert.equal(await answer.locator('td').count(), 2);
  assert.equal(await answer.locator('td.right').innerText(), '2');
  assert.match(await answer.locator('.code pre').innerText(), /return "text" \+ str\(x\) {2}# why/);
});

test('a formula that is not one, or never ends, is its source', async () => {
  const text = 'a $\\frac{1$ b\n\n$$ never\nends\n\n$\\undefinedcommand$';
  await putChat(server.url, chatWith('broken', text));
  await page.goto(`${server.url}/#/chat/broken`);
  await page.waitForTimeout(600);
  assert.match(await lastAnswer(page).innerText(), /\\frac\{1[^]*never[^]*undefinedcommand/);
});

test('deep nesting and long lines do not stop the page', async () => {
  const text = `${'> '.repeat(3000)}deep\n\n${'['.repeat(20000)}\n\n${'*a '.repeat(20000)}\n\n${'`'.repeat(5000)}`;
  await putChat(server.url, chatWith('deep', text));
  await page.goto(`${server.url}/#/chat/deep`);
  await lastAnswer(page).waitFor();
  await page.getByLabel('Message', { exact: true }).fill('still here');
});
