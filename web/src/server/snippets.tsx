// How other programs talk to this server: the same request in three languages.
import { useSignal } from '@preact/signals';
import { address, key } from '../api/http';
import { Code } from '../markdown/code';
import { models, usualModel } from '../state/models';

interface Place {
  base: string;
  model: string;
  hasKey: boolean;
}

const curl = ({ base, model, hasKey }: Place) => `curl ${base}v1/chat/completions \\
  -H 'content-type: application/json' \\${hasKey ? "\n  -H \"authorization: Bearer $QUIRE_API_KEY\" \\" : ''}
  -d '{
    "model": ${JSON.stringify(model)},
    "messages": [{"role": "user", "content": "Once upon a time"}],
    "max_tokens": 100
  }'`;

const python = ({ base, model, hasKey }: Place) => `# pip install openai
import os
from openai import OpenAI

client = OpenAI(base_url=${JSON.stringify(`${base}v1`)}, api_key=${hasKey ? 'os.environ["QUIRE_API_KEY"]' : '"none"'})
stream = client.chat.completions.create(
    model=${JSON.stringify(model)},
    messages=[{"role": "user", "content": "Once upon a time"}],
    max_tokens=100,
    stream=True,
)
for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)
`;

const javascript = ({ base, model, hasKey }: Place) => `// npm install openai
import OpenAI from 'openai';

const client = new OpenAI({
  baseURL: '${base}v1',
  apiKey: ${hasKey ? 'process.env.QUIRE_API_KEY' : "'none'"},
});
const stream = await client.chat.completions.create({
  model: ${JSON.stringify(model)},
  messages: [{ role: 'user', content: 'Once upon a time' }],
  max_tokens: 100,
  stream: true,
});
for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta?.content ?? '');
`;

const kinds = [
  { name: 'curl', language: 'bash', text: curl },
  { name: 'Python', language: 'python', text: python },
  { name: 'JavaScript', language: 'javascript', text: javascript },
];

export function Snippets() {
  const chosen = useSignal('');
  const model = chosen.value || usualModel.value || 'MODEL';
  const place = { base: address('/'), model, hasKey: key.value !== null };
  return (
    <section class="card snippets" aria-label="Snippets">
      <p>
        Clients of OpenAI, Anthropic, Ollama and llama.cpp need only another base URL. All endpoints:{' '}
        <code>{address('/openapi.json')}</code>
      </p>
      <label class="field narrow">
        Model
        <select value={model} onChange={(event) => (chosen.value = event.currentTarget.value)}>
          {(models.value ?? []).map((row) => (
            <option key={row.name} value={row.name}>
              {row.name}
            </option>
          ))}
        </select>
      </label>
      {kinds.map(({ name, language, text }) => (
        <section key={name}>
          <h2>{name}</h2>
          <Code text={text(place)} language={language} />
        </section>
      ))}
    </section>
  );
}
