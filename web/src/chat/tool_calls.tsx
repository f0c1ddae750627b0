// The calls of an answer, and fields for what the tools said.
import { useSignal } from '@preact/signals';
import { Code } from '../markdown/code';
import type { ToolCall } from '../state/types';
import { Icon } from '../ui/icons';

interface Props {
  calls: ToolCall[];
  /** Null where no results are wanted (any more). */
  onResults: ((results: string[]) => void) | null;
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text; // still coming, or not JSON
  }
}

export function ToolCalls({ calls, onResults }: Props) {
  const results = useSignal<string[]>([]);
  return (
    <form
      class="tool-calls"
      onSubmit={(event) => {
        event.preventDefault();
        onResults?.(calls.map((_, i) => results.value[i] ?? ''));
      }}
    >
      {calls.map((call, i) => (
        <section key={call.id || i} aria-label={`Call of ${call.function.name}`}>
          <h3>
            <Icon name="tool" />
            {call.function.name}
          </h3>
          <Code text={pretty(call.function.arguments)} language="json" />
          {onResults ? (
            <label class="field">
              What {call.function.name} answers
              <textarea
                rows={2}
                value={results.value[i] ?? ''}
                onInput={(event) => {
                  const changed = [...results.value];
                  changed[i] = event.currentTarget.value;
                  results.value = changed;
                }}
              />
            </label>
          ) : null}
        </section>
      ))}
      {onResults ? (
        <div class="actions">
          <button type="submit" class="primary">
            Send {calls.length > 1 ? 'the results' : 'the result'}
          </button>
        </div>
      ) : null}
    </form>
  );
}
