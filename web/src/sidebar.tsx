// The left side: pages, chats, theme, export and import.
import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { exportAll, importAll } from './api/chats';
import { textOf } from './api/http';
import { closeAll, refreshChats, removeChat, renameChat, rows } from './state/chats';
import { go, route } from './state/router';
import { loadSettings, nextTheme, settings } from './state/settings';
import { toast } from './state/toasts';
import type { ChatRow } from './state/types';
import { IconButton } from './ui/controls';
import { age } from './ui/format';
import { Icon, type IconName } from './ui/icons';

const pages: { page: string; label: string; icon: IconName }[] = [
  { page: 'chat', label: 'Chat', icon: 'chat' },
  { page: 'models', label: 'Models', icon: 'box' },
  { page: 'server', label: 'Server', icon: 'pulse' },
];

export const Sidebar = ({ page }: { page: string }) => (
  <aside id="sidebar" aria-label="Navigation">
    <div class="brand">
      <img src="icon.svg" alt="" width="26" height="26" />
      <span>Quire</span>
    </div>
    <nav aria-label="Pages">
      {pages.map((item) => (
        <a
          key={item.page}
          href={`#/${item.page}`}
          aria-current={page === item.page ? 'page' : undefined}
        >
          <Icon name={item.icon} />
          {item.label}
        </a>
      ))}
    </nav>
    <button type="button" class="new-chat" title="New chat (Ctrl+Shift+O)" onClick={beginChat}>
      <Icon name="plus" />
      New chat
    </button>
    <ChatList />
    <Footer />
  </aside>
);

export function beginChat(): void {
  go('/chat');
  setTimeout(() => document.querySelector<HTMLElement>('.composer textarea')?.focus());
}

function ChatList() {
  const wanted = useSignal('');
  const all = rows.value;
  const found = (all ?? []).filter((row) =>
    row.title.toLowerCase().includes(wanted.value.trim().toLowerCase()),
  );
  const groups = new Map<string, ChatRow[]>();
  for (const row of found) {
    const name = age(row.updated);
    groups.set(name, [...(groups.get(name) ?? []), row]);
  }
  return (
    <nav class="chats" aria-label="Chats">
      {all && all.length > 5 ? (
        <label class="search">
          <Icon name="search" />
          <input
            type="search"
            placeholder="Find a chat"
            aria-label="Find a chat"
            value={wanted.value}
            onInput={(event) => (wanted.value = event.currentTarget.value)}
          />
        </label>
      ) : null}
      {all && !all.length ? <p class="hint">Chats are kept here.</p> : null}
      {all?.length && !found.length ? <p class="hint">No chat is called that.</p> : null}
      {[...groups].map(([name, group]) => (
        <section key={name}>
          <h2>{name}</h2>
          <ul>
            {group.map((row) => (
              <ChatItem key={row.id} row={row} />
            ))}
          </ul>
        </section>
      ))}
    </nav>
  );
}

function ChatItem({ row }: { row: ChatRow }) {
  const renaming = useSignal(false);
  const isHere = route.value[0] === 'chat' && route.value[1] === row.id;
  if (renaming.value) {
    const finish = (title: string | null) => {
      if (!renaming.value) return;
      renaming.value = false;
      if (title !== null) void renameChat(row.id, title);
    };
    return (
      <li>
        <input
          class="rename"
          aria-label="Title of the chat"
          defaultValue={row.title}
          ref={(input) => input?.focus()}
          onBlur={(event) => finish(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === 'Enter') finish(event.currentTarget.value);
            if (event.key === 'Escape') finish(null);
          }}
        />
      </li>
    );
  }
  return (
    <li class={isHere ? 'here' : undefined}>
      <a href={`#/chat/${row.id}`} aria-current={isHere ? 'page' : undefined} title={row.title}>
        {row.title}
      </a>
      <IconButton
        icon="pencil"
        label={`Rename ${row.title}`}
        onClick={() => (renaming.value = true)}
      />
      <IconButton icon="bin" label={`Delete ${row.title}`} onClick={() => void removeChat(row.id)} />
    </li>
  );
}

async function exportFile(): Promise<void> {
  try {
    const text = JSON.stringify(await exportAll(), null, 1);
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
    link.download = `quire-chats-${new Date().toISOString().slice(0, 10)}.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  } catch (error) {
    toast(`Nothing was exported: ${textOf(error)}`, 'error');
  }
}

async function importFile(file: File): Promise<void> {
  try {
    const document: unknown = JSON.parse(await file.text());
    const { imported, skipped } = await importAll(document);
    closeAll();
    await Promise.all([refreshChats(), loadSettings()]);
    if (route.value[0] === 'chat') go('/chat');
    toast(`${imported} chats imported${skipped ? `, ${skipped} were there already` : ''}.`);
  } catch (error) {
    toast(`${file.name} was not imported: ${textOf(error)}`, 'error');
  }
}

const theme_icons = { auto: 'half', light: 'sun', dark: 'moon' } as const;
const theme_names = { auto: 'as the system', light: 'light', dark: 'dark' };

function Footer() {
  const input = useRef<HTMLInputElement>(null);
  const { theme } = settings.value;
  return (
    <div class="footer">
      <IconButton
        icon={theme_icons[theme]}
        label={`Theme: ${theme_names[theme]}`}
        onClick={nextTheme}
      />
      <IconButton icon="down" label="Export all chats" onClick={() => void exportFile()} />
      <IconButton icon="upload" label="Import chats" onClick={() => input.current?.click()} />
      <input
        ref={input}
        type="file"
        hidden
        accept=".json,application/json"
        onChange={(event) => {
          const file = event.currentTarget.files?.[0];
          if (file) void importFile(file);
          event.currentTarget.value = '';
        }}
      />
    </div>
  );
}
