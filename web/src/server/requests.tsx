// The requests that the server keeps, and one of them as the model saw it.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { textOf } from '../api/http';
import { listRequests, readRequest, type RequestDetails, type RequestRow } from '../api/server';
import { Code } from '../markdown/code';
import { IconButton, Notice } from '../ui/controls';
import { count, duration, timeOfDay } from '../ui/format';

export function RequestList({ id }: { id: string | undefined }) {
  const rows = useSignal<RequestRow[] | null>(null);
  const trouble = useSignal<string | null>(null);
  const read = () => {
    listRequests()
      .then((list) => {
        rows.value = list;
        trouble.value = null;
      })
      .catch((error) => (trouble.value = textOf(error)));
  };
  useEffect(read, [id]);
  return (
    <div class={id ? 'requests with-details' : 'requests'}>
      <section class="card" aria-label="Requests">
        <div class="card-head">
          <h2>Requests</h2>
          <IconButton icon="again" label="Read again" onClick={read} />
        </div>
        {trouble.value ? <Notice kind="error">{trouble.value}</Notice> : null}
        {rows.value?.length === 0 ? <Notice kind="info">No request yet.</Notice> : null}
        <ul>
          {(rows.value ?? []).map((row) => (
            <li key={row.id}>
              <a
                href={`#/server/requests/${encodeURIComponent(row.id)}`}
                aria-current={row.id === id ? 'true' : undefined}
              >
                <span>
                  {row.method} {row.path}
                </span>
                <small>
                  {timeOfDay(row.time)} · {row.status} · {duration(row.ms)}
                  {row.model ? ` · ${row.model}` : ''}
                </small>
              </a>
            </li>
          ))}
        </ul>
      </section>
      {id ? <Details key={id} id={id} /> : null}
    </div>
  );
}

const pretty = (value: unknown): string => {
  if (typeof value !== 'string') return JSON.stringify(value, null, 2);
  try {
    return JSON.stringify(JSON.parse(value), null, 2);
  } catch {
    return value;
  }
};

function Details({ id }: { id: string }) {
  const details = useSignal<RequestDetails | null>(null);
  const trouble = useSignal<string | null>(null);
  useEffect(() => {
    const control = new AbortController();
    readRequest(id, control.signal)
      .then((read) => (details.value = read))
      .catch((error) => {
        if (!control.signal.aborted) trouble.value = textOf(error);
      });
    return () => control.abort();
  }, []);
  if (trouble.value)
    return (
      <section class="card">
        <Notice kind="error">{trouble.value}</Notice>
      </section>
    );
  const one = details.value;
  if (!one) return <section class="card" aria-busy="true" />;
  return (
    <section class="card details" aria-label="One request">
      <h2>
        {one.method} {one.path}
      </h2>
      <p class="facts">
        {one.id} · {timeOfDay(one.time)} · status {one.status} · {duration(one.ms)}
        {one.model ? ` · ${one.model}` : ''}
        {one.prompt_tokens === null ? '' : ` · ${count(one.prompt_tokens)} tokens of prompt`}
        {one.completion_tokens === null ? '' : ` · ${count(one.completion_tokens)} made`}
      </p>
      <Part title="The prompt, as the model saw it" text={one.prompt} language="text" />
      <Part title="The answer" text={one.answer} language="text" />
      <Part
        title="The body of the request"
        text={one.request === null ? null : pretty(one.request)}
        language="json"
      />
    </section>
  );
}

const Part = ({ title, text, language }: { title: string; text: string | null; language: string }) => (
  <>
    <h3>{title}</h3>
    {text === null || text === undefined ? (
      <p class="hint">
        Not kept. Texts of requests from elsewhere are kept with <code>--log-prompts</code>.
      </p>
    ) : (
      <Code text={text} language={language} />
    )}
  </>
);
