// The server's log as it is written: one row per request.
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { textOf } from '../api/http';
import { followLog, type LogLine } from '../api/server';
import { Notice } from '../ui/controls';
import { duration, timeOfDay } from '../ui/format';

const lines_max = 500;
const retry_ms = 2000;

export function LogView() {
  const lines = useSignal<LogLine[]>([]);
  const wanted = useSignal('');
  const paused = useSignal(false);
  const trouble = useSignal<string | null>(null);
  const area = useRef<HTMLDivElement>(null);
  const held = useRef<LogLine[]>([]);
  useEffect(() => {
    const control = new AbortController();
    const read = async () => {
      const seen = new Set<string>();
      while (!control.signal.aborted) {
        try {
          for await (const line of followLog(control.signal)) {
            trouble.value = null;
            if (seen.has(line.id)) continue; // replayed after a pause of the connection
            seen.add(line.id);
            if (paused.value) held.current.push(line);
            else lines.value = [...lines.value, line].slice(-lines_max);
          }
        } catch (error) {
          if (!control.signal.aborted) trouble.value = textOf(error);
        }
        await new Promise((resolve) => setTimeout(resolve, retry_ms));
      }
    };
    void read();
    return () => control.abort();
  }, []);
  useEffect(() => {
    const element = area.current;
    if (element && !paused.value) element.scrollTop = element.scrollHeight;
  }, [lines.value]);
  const word = wanted.value.trim().toLowerCase();
  const found = lines.value.filter(
    (line) => !word || JSON.stringify(line).toLowerCase().includes(word),
  );
  const resume = () => {
    paused.value = !paused.value;
    if (paused.value) return;
    lines.value = [...lines.value, ...held.current].slice(-lines_max);
    held.current = [];
  };
  return (
    <section class="card" aria-label="Log">
      <div class="actions start">
        <input
          type="search"
          aria-label="Show only lines with"
          placeholder="Show only lines with"
          value={wanted.value}
          onInput={(event) => (wanted.value = event.currentTarget.value)}
        />
        <button type="button" aria-pressed={paused.value} onClick={resume}>
          {paused.value ? 'Go on' : 'Pause'}
        </button>
        <button type="button" onClick={() => (lines.value = [])}>
          Clear
        </button>
      </div>
      {trouble.value ? <Notice kind="error">{trouble.value}; trying again.</Notice> : null}
      <div class="log" ref={area} tabIndex={0} role="region" aria-label="Lines of the log">
        <table>
          <thead>
            <tr>
              <th>Time</th>
              <th>Request</th>
              <th>Status</th>
              <th class="right">Took</th>
              <th>Model</th>
              <th class="right">Tokens</th>
            </tr>
          </thead>
          <tbody>
            {found.map((line) => (
              <LogRow key={line.id} line={line} />
            ))}
          </tbody>
        </table>
        {found.length ? null : <p class="hint">No request yet.</p>}
      </div>
    </section>
  );
}

const LogRow = ({ line }: { line: LogLine }) => (
  <tr class={line.status >= 500 ? 'bad' : line.status >= 400 ? 'poor' : undefined}>
    <td>{timeOfDay(line.time)}</td>
    <td>
      <a href={`#/server/requests/${encodeURIComponent(line.id)}`}>
        {line.method} {line.path}
      </a>
      {line.note ? <small> {line.note}</small> : null}
    </td>
    <td>{line.status}</td>
    <td class="right">{duration(line.seconds * 1000)}</td>
    <td>{line.model ?? ''}</td>
    <td class="right">
      {line.prompt_tokens === undefined ? '' : `${line.prompt_tokens} + ${line.completion_tokens ?? 0}`}
    </td>
  </tr>
);
