// The settings of one chat: system prompt, sampling, tools.
import { useSignal } from '@preact/signals';
import { changeSettings, settings } from '../state/settings';
import { toast } from '../state/toasts';
import { newId } from '../state/tree';
import type { ChatSettings, Sampling } from '../state/types';
import { IconButton, Sheet } from '../ui/controls';
import { SamplingFields } from './sampling_fields';

interface Props {
  settings: ChatSettings;
  onChange: (change: Partial<ChatSettings>) => void;
  onClose: () => void;
}

export const ChatSheet = ({ settings: chat, onChange, onClose }: Props) => (
  <Sheet title="Chat settings" onClose={onClose}>
    <SystemPart chat={chat} onChange={onChange} />
    <SamplingPart chat={chat} onChange={onChange} />
    <ToolsPart chat={chat} onChange={onChange} />
    <section>
      <h3>Answers</h3>
      <label class="check">
        <input
          type="checkbox"
          checked={settings.value.probabilities}
          onChange={(event) => changeSettings({ probabilities: event.currentTarget.checked })}
        />
        Keep the probabilities of tokens
      </label>
      <label class="check">
        <input
          type="checkbox"
          checked={settings.value.tokens}
          onChange={(event) => changeSettings({ tokens: event.currentTarget.checked })}
        />
        Show answers as tokens
      </label>
      <label class="check">
        <input
          type="checkbox"
          checked={chat.truncate ?? false}
          onChange={(event) => onChange({ truncate: event.currentTarget.checked })}
        />
        Leave out the oldest messages when the context is full
      </label>
    </section>
  </Sheet>
);

type PartProps = { chat: ChatSettings; onChange: Props['onChange'] };

function SystemPart({ chat, onChange }: PartProps) {
  const { prompts, system } = settings.value;
  const saved = prompts.find((prompt) => prompt.text === chat.system);
  const save = () => {
    const text = chat.system?.trim();
    if (!text) return;
    const name = text.split('\n', 1)[0]?.slice(0, 40) ?? text;
    changeSettings({ prompts: [...prompts, { id: newId(), name, text }] });
  };
  return (
    <section>
      <h3>System prompt</h3>
      {prompts.length ? (
        <div class="with-button">
          <select
            aria-label="Saved system prompts"
            value={saved?.id ?? ''}
            onChange={(event) => {
              const { value } = event.currentTarget;
              onChange({ system: prompts.find((prompt) => prompt.id === value)?.text ?? '' });
            }}
          >
            <option value="">{chat.system ? 'not saved' : 'none'}</option>
            {prompts.map((prompt) => (
              <option key={prompt.id} value={prompt.id}>
                {prompt.name}
              </option>
            ))}
          </select>
          <IconButton
            icon="bin"
            label="Forget this system prompt"
            disabled={!saved}
            onClick={() =>
              changeSettings({ prompts: prompts.filter((prompt) => prompt !== saved) })
            }
          />
        </div>
      ) : null}
      <textarea
        rows={4}
        aria-label="System prompt"
        placeholder="How the model should behave"
        value={chat.system ?? ''}
        onInput={(event) => onChange({ system: event.currentTarget.value })}
      />
      <div class="actions">
        <button type="button" disabled={!chat.system?.trim() || saved !== undefined} onClick={save}>
          Save it
        </button>
        <button
          type="button"
          disabled={(chat.system ?? '') === system}
          onClick={() => {
            changeSettings({ system: chat.system ?? '' });
            toast('New chats begin with this system prompt.');
          }}
        >
          Use for new chats
        </button>
      </div>
    </section>
  );
}

const same = (a: Sampling = {}, b: Sampling = {}) => JSON.stringify(a) === JSON.stringify(b);

function SamplingPart({ chat, onChange }: PartProps) {
  const { presets, preset } = settings.value;
  const name = useSignal('');
  const chosen = presets.find((one) => one.id === chat.preset);
  const isChanged = !same(chosen?.sampling, chat.sampling);
  const pick = (id: string) => {
    const found = presets.find((one) => one.id === id);
    if (found) onChange({ preset: id, sampling: found.sampling });
  };
  const saveAs = () => {
    const made = { id: newId(), name: name.value.trim(), sampling: chat.sampling ?? {} };
    if (!made.name) return;
    name.value = '';
    changeSettings({ presets: [...presets, made] });
    onChange({ preset: made.id });
  };
  return (
    <section>
      <h3>Sampling</h3>
      <div class="with-button">
        <select
          aria-label="Sampling preset"
          value={chosen?.id ?? ''}
          onChange={(event) => pick(event.currentTarget.value)}
        >
          {chosen ? null : <option value="">none</option>}
          {presets.map((one) => (
            <option key={one.id} value={one.id}>
              {one.name}
              {one.id === chosen?.id && isChanged ? ' (changed)' : ''}
            </option>
          ))}
        </select>
        <IconButton
          icon="bin"
          label="Forget this preset"
          disabled={!chosen || presets.length < 2}
          onClick={() => changeSettings({ presets: presets.filter((one) => one !== chosen) })}
        />
      </div>
      <SamplingFields
        sampling={chat.sampling ?? {}}
        onChange={(sampling) => onChange({ sampling })}
      />
      <div class="actions">
        <input
          aria-label="Name of a new preset"
          placeholder="Name of a new preset"
          value={name.value}
          onInput={(event) => (name.value = event.currentTarget.value)}
        />
        <button type="button" disabled={!name.value.trim()} onClick={saveAs}>
          Save it
        </button>
        <button
          type="button"
          disabled={!chosen || isChanged || preset === chosen.id}
          onClick={() => {
            changeSettings({ preset: chosen?.id ?? '' });
            toast(`New chats begin with “${chosen?.name}”.`);
          }}
        >
          Use for new chats
        </button>
      </div>
    </section>
  );
}

function toolsTrouble(text: string): string | null {
  if (!text.trim()) return null;
  try {
    const tools: unknown = JSON.parse(text);
    return Array.isArray(tools) ? null : 'It has to be a JSON array of tools.';
  } catch (error) {
    return `This is not JSON: ${error instanceof Error ? error.message : ''}`;
  }
}

const tools_example = `[{"type": "function", "function": {"name": "weather",
  "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}]`;

function ToolsPart({ chat, onChange }: PartProps) {
  const text = useSignal(chat.tools ?? '');
  const trouble = toolsTrouble(text.value);
  return (
    <section>
      <h3>Tools</h3>
      <textarea
        class="mono"
        rows={4}
        spellcheck={false}
        aria-label="Tools as JSON"
        aria-invalid={trouble !== null}
        aria-describedby="tools-trouble"
        placeholder={tools_example}
        value={text.value}
        onInput={(event) => {
          text.value = event.currentTarget.value;
          if (toolsTrouble(text.value) === null) onChange({ tools: text.value });
        }}
      />
      <p id="tools-trouble" class="hint">
        {trouble ?? 'As the OpenAI API takes them. The app shows calls, and you type what they answer.'}
      </p>
    </section>
  );
}
