// The chat: its head, the messages of the branch that is shown, and where the next one is written.
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { textOf } from '../api/http';
import { current, newChat, openChat, usualSettings } from '../state/chats';
import { models, refreshModels, usualModel } from '../state/models';
import { route } from '../state/router';
import type { Session } from '../state/session';
import { changeSettings } from '../state/settings';
import { toast } from '../state/toasts';
import { pathTo } from '../state/tree';
import type { Attachment, ChatSettings } from '../state/types';
import { IconButton, Notice } from '../ui/controls';
import { Announcer } from './announcer';
import { Composer } from './composer';
import { MessageView } from './message';
import { Meter } from './meter';
import { ChatSheet } from './settings_sheet';

export function ChatPage() {
  const id = route.value[1];
  const trouble = useSignal<string | null>(null);
  const draft = useSignal<ChatSettings | null>(null); // of a chat that is not there yet
  const model = useSignal<string | undefined>(undefined);
  const session = current.value;
  useEffect(() => {
    trouble.value = null;
    draft.value = null;
    model.value = undefined;
    if (id) openChat(id).catch((error) => (trouble.value = textOf(error)));
    else document.title = 'Quire';
  }, [id]);
  const send = (text: string, files: Attachment[]) => {
    const target =
      session ?? newChat(model.value, draft.value ?? usualSettings());
    target.send(text, files).catch((error) => toast(textOf(error), 'error'));
  };
  if (id && trouble.value)
    return (
      <div class="page">
        <h1>Chat</h1>
        <Notice kind="error">This chat cannot be shown: {trouble.value}</Notice>
      </div>
    );
  if (id && !session) return <div class="chat" aria-busy="true" />;
  return (
    <div class="chat">
      <ChatHead
        session={session ?? null}
        model={session?.chat.value.model ?? model.value ?? usualModel.value}
        onModel={(name) => {
          changeSettings({ model: name });
          if (session) session.change((chat) => ({ ...chat, model: name }));
          else model.value = name;
        }}
        settings={session?.chat.value.settings ?? draft.value ?? usualSettings()}
        onSettings={(change) => {
          if (session) session.set(change);
          else draft.value = { ...(draft.value ?? usualSettings()), ...change };
        }}
      />
      {session ? <Messages session={session} /> : <Welcome onPick={(text) => send(text, [])} />}
      <Composer key={id ?? 'new'} place={id ?? 'new'} session={session ?? null} onSend={send} />
    </div>
  );
}

interface HeadProps {
  session: Session | null;
  model: string | undefined;
  onModel: (name: string) => void;
  settings: ChatSettings;
  onSettings: (change: Partial<ChatSettings>) => void;
}

function ChatHead({ session, model, onModel, settings, onSettings }: HeadProps) {
  const open = useSignal(false);
  const title = session?.chat.value.title ?? 'New chat';
  const trouble = session?.saver.trouble.value;
  useEffect(() => {
    if (session) document.title = `${title} · Quire`;
  }, [session, title]);
  return (
    <header class="chat-head">
      <h1 title={title}>{title}</h1>
      {trouble ? (
        <span class="unsaved" role="status" title={trouble}>
          not saved yet
        </span>
      ) : null}
      <ModelSelect model={model} onModel={onModel} />
      {session ? <Meter session={session} /> : null}
      <IconButton icon="sliders" label="Chat settings" onClick={() => (open.value = true)} />
      {open.value ? (
        <ChatSheet settings={settings} onChange={onSettings} onClose={() => (open.value = false)} />
      ) : null}
    </header>
  );
}

function ModelSelect({ model, onModel }: Pick<HeadProps, 'model' | 'onModel'>) {
  const all = models.value ?? [];
  const isKnown = all.some((row) => row.name === model);
  return (
    <select
      class="model-select"
      aria-label="Model"
      value={model ?? ''}
      onFocus={() => void refreshModels().catch(() => undefined)}
      onChange={(event) => onModel(event.currentTarget.value)}
    >
      {model && !isKnown ? <option value={model}>{model}</option> : null}
      {!model && !all.length ? <option value="">no model</option> : null}
      {all.map((row) => (
        <option key={row.name} value={row.name}>
          {row.name}
          {row.loaded ? ' · loaded' : ''}
        </option>
      ))}
    </select>
  );
}

function Messages({ session }: { session: Session }) {
  const area = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  const chat = session.chat.value;
  const path = pathTo(chat, chat.head);
  const live = session.live.value?.message;
  useEffect(() => {
    const element = area.current;
    if (element && follows.current) element.scrollTop = element.scrollHeight;
  });
  // What the user sends is followed, wherever the page stood.
  useEffect(() => {
    if (live) follows.current = true;
  }, [live]);
  const onScroll = () => {
    const element = area.current;
    if (!element) return;
    follows.current = element.scrollHeight - element.scrollTop - element.clientHeight < 60;
  };
  return (
    <div class="messages" ref={area} onScroll={onScroll} tabIndex={0} aria-label="Messages" role="region">
      <div class="column">
        {path.map((message, i) => (
          <MessageView
            key={message.id}
            message={message}
            session={session}
            isLast={i === path.length - 1}
            notedBefore={path.slice(0, i).findLast((other) => other.note)?.note}
          />
        ))}
      </div>
      <Announcer session={session} />
    </div>
  );
}

const starts = [
  'Once upon a time, a small fox found a lantern in the forest.',
  'Write a short poem about the sea.',
  'Explain how a bicycle stays upright.',
];

const Welcome = ({ onPick }: { onPick: (text: string) => void }) => (
  <div class="messages welcome">
    <div class="column">
      <p class="hello">What shall we write?</p>
      <ul>
        {starts.map((text) => (
          <li key={text}>
            <button type="button" onClick={() => onPick(text)}>
              {text}
            </button>
          </li>
        ))}
      </ul>
    </div>
  </div>
);
