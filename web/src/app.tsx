// The frame: what is the same on every page, and which page it is.
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { enterKey, keyWanted, textOf } from './api/http';
import { ChatPage } from './chat/page';
import { ModelsPage } from './models/page';
import { ServerPage } from './server/page';
import { beginChat, Sidebar } from './sidebar';
import { refreshChats } from './state/chats';
import { refreshModels } from './state/models';
import { route } from './state/router';
import { loadSettings } from './state/settings';
import { toast } from './state/toasts';
import { IconButton, Toasts } from './ui/controls';

function load(): void {
  const complain = (error: unknown) => toast(textOf(error), 'error');
  loadSettings().catch(complain);
  refreshChats().catch(complain);
  refreshModels().catch(complain);
}

const titles: Record<string, string> = { models: 'Models', server: 'Server' };

export function App() {
  const menu = useSignal(false);
  const main = useRef<HTMLElement>(null);
  const page = route.value[0] ?? 'chat';
  useEffect(load, []);
  useEffect(() => {
    menu.value = false;
  }, [route.value]);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key === 'Escape') menu.value = false;
      if (event.ctrlKey && event.shiftKey && event.key.toLowerCase() === 'o') {
        event.preventDefault();
        beginChat();
      }
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);
  const skip = (event: Event) => {
    event.preventDefault();
    const target = main.current?.querySelector<HTMLElement>('.composer textarea') ?? main.current;
    target?.focus();
  };
  return (
    <div class={menu.value ? 'frame menu-open' : 'frame'}>
      <a class="skip" href="#main" onClick={skip}>
        Skip to {page === 'chat' ? 'the message box' : 'the content'}
      </a>
      <Sidebar page={page} />
      <div class="veil" onClick={() => (menu.value = false)} />
      <main id="main" ref={main} tabIndex={-1}>
        <div class="menu-button">
          <IconButton
            icon="menu"
            label={menu.value ? 'Close the menu' : 'Open the menu'}
            aria-expanded={menu.value}
            aria-controls="sidebar"
            onClick={() => (menu.value = !menu.value)}
          />
        </div>
        {page === 'models' ? <ModelsPage /> : page === 'server' ? <ServerPage /> : <ChatPage />}
      </main>
      <PageTitle page={page} />
      {keyWanted.value === null ? null : <KeyDialog reason={keyWanted.value} />}
      <Toasts />
    </div>
  );
}

function PageTitle({ page }: { page: string }) {
  const title = titles[page];
  useEffect(() => {
    if (title) document.title = `${title} · Quire`;
  }, [title]);
  return null;
}

function KeyDialog({ reason }: { reason: string }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const value = useSignal('');
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  const submit = (event: Event) => {
    event.preventDefault();
    if (value.value.trim()) enterKey(value.value.trim());
  };
  return (
    <dialog
      ref={dialog}
      class="sheet middle"
      aria-labelledby="key-title"
      onCancel={(event) => event.preventDefault()}
    >
      <form class="sheet-body" onSubmit={submit}>
        <h2 id="key-title">API key</h2>
        <p>
          {reason} It is one of those given with <code>--api-key</code>, and is kept until this tab
          is closed.
        </p>
        <label class="field">
          Key
          <input
            type="password"
            autocomplete="off"
            value={value.value}
            onInput={(event) => (value.value = event.currentTarget.value)}
          />
        </label>
        <div class="actions">
          <button type="submit" class="primary" disabled={!value.value.trim()}>
            Continue
          </button>
        </div>
      </form>
    </dialog>
  );
}
