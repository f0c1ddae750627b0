// The clients people use, from npm, unchanged but for the address, against a server of this build:
//
//   npm install --no-package-lock && QUIRE=../../../build/quire node --test clients.test.mjs
//
// The model is the bundled one, which tells stories whatever it is asked; what is tested is the form
// of the answers. Tools go through a template that knows them, so that grammars write the calls.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import Anthropic from '@anthropic-ai/sdk';
import { ChatOpenAI } from '@langchain/openai';
import { generateText, Output, streamText, tool as aiTool } from 'ai';
import { Ollama } from 'ollama';
import OpenAI from 'openai';
import { z } from 'zod';

import { startRegistry } from './registry.mjs';

const quire = process.env.QUIRE ?? '../../../build/quire';
const encoders = process.env.ENCODERS ?? join(import.meta.dirname, '../../golden/encoder');
const home = mkdtempSync(join(tmpdir(), 'quire-clients-'));
let server, url, openai, anthropic, ollama, registry;

before(async () => {
  registry = await startRegistry();
  server = spawn(quire, ['serve', 'tales', join(encoders, 'bert.gguf'), join(encoders, 'bert-rank.gguf'),
    '--port', '0', '--chat-template-file', 'tools.jinja', '--api-key', 'secret', '--quiet'],
  { env: { ...process.env, HOME: home, QUIRE_HOME: join(home, 'quire') } });
  url = await new Promise((resolve, reject) => {
    let text = '';
    server.stderr.on('data', (data) => {
      text += data;
      const found = text.match(/serving at (\S+)/);
      if (found) resolve(found[1]);
    });
    server.on('exit', () => reject(new Error(text)));
  });
  openai = new OpenAI({ baseURL: url + '/v1', apiKey: 'secret', maxRetries: 0 });
  anthropic = new Anthropic({ baseURL: url, apiKey: 'secret', maxRetries: 0 });
  ollama = new Ollama({ host: url, headers: { authorization: 'Bearer secret' } });
});
after(async () => {
  if (server.exitCode === null) {
    const ended = new Promise((resolve) => server.once('exit', resolve));
    server.kill('SIGTERM');
    await ended;
  }
  registry.close();
  rmSync(home, { recursive: true, force: true });
});

const messages = [{ role: 'user', content: 'Once upon a time' }];
const weather = {
  type: 'function',
  function: {
    name: 'weather',
    description: 'The weather of a city',
    parameters: {
      type: 'object',
      properties: { city: { type: 'string', enum: ['Paris', 'Rome'] } },
      required: ['city'],
      additionalProperties: false,
    },
  },
};

// ---- openai ----

test('openai: models', async () => {
  const list = [];
  for await (const model of openai.models.list()) list.push(model.id);
  assert.ok(list.some((id) => id.startsWith('tales')));
  assert.equal((await openai.models.retrieve('tales')).object, 'model');
});

test('openai: a chat, whole', async () => {
  const answer = await openai.chat.completions.create({ model: 'tales', messages, max_tokens: 8, temperature: 0 });
  assert.equal(answer.choices[0].message.role, 'assistant');
  assert.equal(answer.usage.completion_tokens, 8);
  assert.equal(answer.choices[0].finish_reason, 'length');
});

test('openai: a chat, streamed, is the same text with the same seed', async () => {
  const request = { model: 'tales', messages, max_tokens: 16, temperature: 0, seed: 7 };
  const whole = await openai.chat.completions.create(request);
  const stream = await openai.chat.completions.create({ ...request, stream: true, stream_options: { include_usage: true } });
  let text = '', usage;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta?.content ?? '';
    usage = chunk.usage ?? usage;
  }
  assert.equal(text, whole.choices[0].message.content);
  assert.equal(usage.completion_tokens, 16);
});

test('openai: logprobs', async () => {
  const answer = await openai.chat.completions.create({ model: 'tales', messages, max_tokens: 3, temperature: 0, logprobs: true, top_logprobs: 2 });
  const content = answer.choices[0].logprobs.content;
  assert.equal(content.length, 3);
  assert.equal(content[0].top_logprobs.length, 2);
  assert.ok(content[0].logprob <= 0);
});

test('openai: a schema is kept to', async () => {
  const answer = await openai.chat.completions.create({
    model: 'tales', messages, temperature: 0,
    response_format: { type: 'json_schema', json_schema: { name: 'x', strict: true, schema: weather.function.parameters } },
  });
  assert.ok(['Paris', 'Rome'].includes(JSON.parse(answer.choices[0].message.content).city));
});

test('openai: a tool is called, whole and streamed, and its result goes on', async () => {
  const request = { model: 'tales', messages, tools: [weather], tool_choice: 'required', parallel_tool_calls: false, temperature: 0 };
  const answer = await openai.chat.completions.create(request);
  const [call] = answer.choices[0].message.tool_calls;
  assert.equal(answer.choices[0].finish_reason, 'tool_calls');
  assert.equal(call.function.name, 'weather');
  JSON.parse(call.function.arguments);
  const final = await openai.chat.completions.stream(request).finalChatCompletion();
  assert.equal(final.choices[0].message.tool_calls[0].function.name, 'weather');
  const next = await openai.chat.completions.create({
    model: 'tales', max_tokens: 4, tools: [weather], tool_choice: 'none',
    messages: [...messages, answer.choices[0].message, { role: 'tool', tool_call_id: call.id, content: 'sunny' }],
  });
  assert.equal(typeof next.choices[0].message.content, 'string');
});

test('openai: completions', async () => {
  const answer = await openai.completions.create({ model: 'tales', prompt: 'Once', max_tokens: 4, n: 2 });
  assert.equal(answer.choices.length, 2);
});

test('openai: a text is scored, nothing is written', async () => {
  const scored = await openai.completions.create({
    model: 'tales', prompt: 'Once upon a time', echo: true, logprobs: 1, max_tokens: 0,
  });
  const { text, logprobs, finish_reason } = scored.choices[0];
  assert.equal(text, 'Once upon a time');
  assert.equal(finish_reason, 'length');
  assert.equal(logprobs.tokens.length, scored.usage.prompt_tokens);
  assert.equal(logprobs.token_logprobs[0], null);
  assert.ok(logprobs.token_logprobs.slice(1).every((one) => one <= 0));
});
test('openai: responses, remembered and forgotten', async () => {
  const first = await openai.responses.create({ model: 'tales', input: 'Once', max_output_tokens: 16 });
  assert.equal(typeof first.output_text, 'string');
  const next = await openai.responses.create({ model: 'tales', input: 'More', previous_response_id: first.id, max_output_tokens: 16 });
  assert.ok(next.usage.input_tokens > first.usage.input_tokens);
  assert.equal((await openai.responses.retrieve(first.id)).id, first.id);
  await openai.responses.delete(first.id);
  await assert.rejects(openai.responses.retrieve(first.id), OpenAI.NotFoundError);
  const kinds = [];
  for await (const event of await openai.responses.create({ model: 'tales', input: 'Once', max_output_tokens: 16, stream: true })) kinds.push(event.type);
  assert.equal(kinds[0], 'response.created');
  assert.ok(kinds.includes('response.output_text.delta'));
});

test('openai: embeddings', async () => {
  const made = await openai.embeddings.create({ model: 'tales', input: ['Once', 'a dog'] });
  assert.equal(made.data.length, 2);
  const length = Math.hypot(...made.data[0].embedding);
  assert.ok(Math.abs(length - 1) < 1e-3);
});

test('openai: embeddings of an encoder, cut to fewer dimensions', async () => {
  const whole = await openai.embeddings.create({ model: 'bert', input: 'the cat' });
  const cut = await openai.embeddings.create({ model: 'bert', input: 'the cat', dimensions: 4 });
  assert.equal(whole.data[0].embedding.length, 32);
  assert.equal(cut.data[0].embedding.length, 4);
  assert.ok(Math.abs(Math.hypot(...cut.data[0].embedding) - 1) < 1e-3);
  await assert.rejects(openai.chat.completions.create({ model: 'bert', messages }), OpenAI.BadRequestError);
});

test('rerank, as Jina and Cohere have it', async () => {
  const answer = await fetch(url + '/v1/rerank', {
    method: 'POST',
    headers: { authorization: 'Bearer secret', 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'bert-rank', query: 'the cat', top_n: 2, return_documents: true,
      documents: ['a mat', { text: 'the cat sat' }, 'a dog'],
    }),
  });
  assert.equal(answer.status, 200);
  const { results, usage } = await answer.json();
  assert.equal(results.length, 2);
  assert.ok(results[0].relevance_score >= results[1].relevance_score);
  assert.equal(typeof results[0].document.text, 'string');
  assert.ok(usage.total_tokens > 6);
});

test('openai: errors have their classes', async () => {
  await assert.rejects(openai.chat.completions.create({ model: 'nonsense', messages }), OpenAI.NotFoundError);
  await assert.rejects(openai.chat.completions.create({ model: 'tales', messages, temperature: -1 }), OpenAI.BadRequestError);
  const stranger = new OpenAI({ baseURL: url + '/v1', apiKey: 'wrong', maxRetries: 0 });
  await assert.rejects(stranger.models.list(), OpenAI.AuthenticationError);
});

// ---- anthropic ----

test('anthropic: a message, whole and streamed', async () => {
  const answer = await anthropic.messages.create({ model: 'tales', max_tokens: 8, temperature: 0, messages });
  assert.equal(answer.content[0].type, 'text');
  assert.equal(answer.stop_reason, 'max_tokens');
  const stream = anthropic.messages.stream({ model: 'tales', max_tokens: 8, temperature: 0, messages });
  const final = await stream.finalMessage();
  assert.equal(final.usage.output_tokens, 8);
});

test('anthropic: a tool is called', async () => {
  const tools = [{ name: 'weather', description: 'x', input_schema: weather.function.parameters }];
  const request = { model: 'tales', max_tokens: 250, temperature: 0, messages, tools, tool_choice: { type: 'any', disable_parallel_tool_use: true } };
  const answer = await anthropic.messages.create(request);
  const call = answer.content.find((block) => block.type === 'tool_use');
  assert.equal(call.name, 'weather');
  assert.ok(['Paris', 'Rome'].includes(call.input.city));
  const streamed = await anthropic.messages.stream(request).finalMessage();
  assert.equal(streamed.stop_reason, 'tool_use');
});

test('anthropic: tokens are counted, errors have their classes', async () => {
  assert.ok((await anthropic.messages.countTokens({ model: 'tales', messages })).input_tokens > 3);
  await assert.rejects(anthropic.messages.create({ model: 'nonsense', max_tokens: 1, messages }), Anthropic.NotFoundError);
});

// ---- ollama ----

test('ollama: list, show, ps, version', async () => {
  assert.ok((await ollama.list()).models.length > 0);
  assert.equal((await ollama.show({ model: 'tales' })).details.format, 'gguf');
  assert.ok((await ollama.ps()).models.length > 0);
});

test('ollama: generate and chat, whole and streamed', async () => {
  const options = { num_predict: 6, temperature: 0 };
  const made = await ollama.generate({ model: 'tales', prompt: 'Once', options });
  assert.equal(made.eval_count, 6);
  assert.ok(made.context.length > 0);
  let text = '', done = false;
  for await (const part of await ollama.chat({ model: 'tales', messages, options, stream: true })) {
    text += part.message.content;
    done = part.done;
  }
  assert.ok(done && text.length > 0);
  const json = await ollama.chat({ model: 'tales', messages, format: weather.function.parameters, options: { temperature: 0 } });
  assert.ok(['Paris', 'Rome'].includes(JSON.parse(json.message.content).city));
});

test('ollama: embed', async () => {
  const made = await ollama.embed({ model: 'tales', input: ['Once', 'a dog'] });
  assert.equal(made.embeddings.length, 2);
});

test('ollama: a model is made, shown, used, copied and removed', async () => {
  const said = [];
  for await (const part of await ollama.create({
    model: 'bear', from: 'tales', stream: true, system: 'You are a bear.', license: ['free'],
    parameters: { temperature: 0, num_predict: 3, stop: ['<end>'] }, messages: [{ role: 'user', content: 'Hi' }],
  })) said.push(part.status);
  assert.equal(said.at(-1), 'success');
  const shown = await ollama.show({ model: 'bear' });
  assert.equal(shown.system, 'You are a bear.');
  assert.equal(shown.messages[0].content, 'Hi');
  assert.match(shown.parameters, /num_predict +3/);
  const answer = await ollama.chat({ model: 'bear', messages });
  assert.equal(answer.eval_count, 3);
  await ollama.copy({ source: 'bear', destination: 'bear:two' });
  await ollama.delete({ model: 'bear' });
  const names = (await ollama.list()).models.map((model) => model.name);
  assert.ok(names.includes('bear:two') && !names.includes('bear:latest'));
  await assert.rejects(ollama.show({ model: 'bear' }), /does not exist/);
  await assert.rejects(ollama.create({ model: '../x', from: 'tales' }), /no name of a model/);
});

test('ollama: a model comes as a blob', async () => {
  const bytes = readFileSync(join(encoders, 'bert.gguf'));
  const digest = 'sha256:' + createHash('sha256').update(bytes).digest('hex');
  const headers = { authorization: 'Bearer secret' };
  const place = `${url}/api/blobs/${digest}`;
  assert.equal((await fetch(place, { method: 'HEAD', headers })).status, 404);
  assert.equal((await fetch(place, { method: 'POST', headers, body: bytes })).status, 201);
  assert.equal((await fetch(place, { method: 'HEAD', headers })).status, 200);
  assert.equal((await fetch(place, { method: 'POST', headers, body: 'other bytes' })).status, 400);
  await ollama.create({ model: 'own', files: { 'bert.gguf': digest }, stream: false });
  assert.deepEqual((await ollama.show({ model: 'own' })).capabilities, ['embedding']);
  assert.equal((await ollama.embed({ model: 'own', input: 'the cat' })).embeddings[0].length, 32);
});

test('ollama: a model is pushed to a registry and pulled again', async () => {
  const model = `http://127.0.0.1:${registry.address().port}/me/bear:1`;
  await ollama.create({ model, from: 'tales', system: 'x', stream: false });
  assert.equal((await ollama.push({ model, insecure: true, stream: false })).status, 'success');
  await ollama.delete({ model });
  const said = [];
  for await (const part of await ollama.pull({ model, insecure: true, stream: true })) said.push(part);
  assert.equal(said[0].status, 'pulling manifest');
  assert.equal(said.at(-1).status, 'success');
  assert.ok(said.some((part) => part.total > 1e6 && part.completed === part.total));
  assert.equal((await ollama.show({ model })).system, 'x');
  await assert.rejects(ollama.pull({ model: model + '9', insecure: true }), /there is no model/);
});

test('ollama: errors', async () => {
  await assert.rejects(ollama.chat({ model: 'nonsense', messages }), /does not exist/);
});

// ---- langchain ----

test('langchain: invoke, stream, structured output', async () => {
  const model = new ChatOpenAI({ model: 'tales', apiKey: 'secret', temperature: 0, maxTokens: 200, maxRetries: 0, configuration: { baseURL: url + '/v1' } });
  assert.equal(typeof (await model.invoke('Once')).content, 'string');
  let n = 0;
  for await (const chunk of await model.stream('Once')) n += chunk.content.length;
  assert.ok(n > 0);
  const structured = model.withStructuredOutput(z.object({ city: z.enum(['Paris', 'Rome']) }), { method: 'jsonSchema' });
  assert.ok(['Paris', 'Rome'].includes((await structured.invoke('Where?')).city));
});

// ---- ai ----

test('ai: text, stream, object, tools', async () => {
  const provider = createOpenAICompatible({ name: 'quire', baseURL: url + '/v1', apiKey: 'secret', supportsStructuredOutputs: true });
  const model = provider('tales');
  const made = await generateText({ model, prompt: 'Once', maxOutputTokens: 8, maxRetries: 0 });
  assert.equal(typeof made.text, 'string');
  let text = '';
  for await (const part of streamText({ model, prompt: 'Once', maxOutputTokens: 8 }).textStream) text += part;
  assert.ok(text.length > 0);
  const { output } = await generateText({
    model, prompt: 'Where?', temperature: 0,
    output: Output.object({ schema: z.object({ city: z.enum(['Paris', 'Rome']) }) }),
  });
  assert.ok(['Paris', 'Rome'].includes(output.city));
  const called = await generateText({
    model, prompt: 'Where?', temperature: 0, toolChoice: 'required',
    tools: { weather: aiTool({ description: 'x', inputSchema: z.object({ city: z.enum(['Paris', 'Rome']) }) }) },
  });
  assert.equal(called.toolCalls[0].toolName, 'weather');
});
