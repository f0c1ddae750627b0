// How fast an answer was made, under it.
import { useRef } from 'preact/hooks';
import type { Message } from '../state/types';
import { count, duration, rate } from '../ui/format';

export function MessageStats({ message, isLive }: { message: Message; isLive: boolean }) {
  const begin = useRef<{ at: number; tokens: number } | null>(null);
  const made = message.logprobs?.length ?? 0;
  if (isLive) {
    begin.current ??= made > 0 ? { at: performance.now(), tokens: made } : null;
    const since = begin.current ? (performance.now() - begin.current.at) / 1000 : 0;
    const speed = since > 0.2 && begin.current ? (made - begin.current.tokens) / since : 0;
    if (!made) return <span class="stats">…</span>;
    return (
      <span class="stats">
        {count(made)} tokens{speed > 0 ? ` · ${rate(speed)} tokens/s` : ''}
      </span>
    );
  }
  const { usage, timings, request } = message;
  if (!usage) return null;
  const prompt_ms = timings?.prompt_ms;
  const speed = timings?.predicted_per_second;
  return (
    <span class="stats">
      {count(usage.completion_tokens)} tokens
      {speed ? ` · ${rate(speed)} tokens/s` : ''}
      {prompt_ms === undefined ? '' : ` · prompt of ${count(usage.prompt_tokens)} in ${duration(prompt_ms)}`}
      {request ? (
        <>
          {' · '}
          <a href={`#/server/requests/${encodeURIComponent(request)}`}>request</a>
        </>
      ) : null}
    </span>
  );
}
