// All chats: the list, those that are open, and what moves between them.
import { computed, signal } from '@preact/signals';
import { deleteChat, listChats, readChat, writeChat } from '../api/chats';
import { ApiError, textOf } from '../api/http';
import { go, route } from './router';
import { Session } from './session';
import { settings } from './settings';
import { toast } from './toasts';
import { checkedChat, checkedRow } from './check';
import { takeUnsaved } from './saver';
import { merged, newId } from './tree';
import type { Chat, ChatRow, ChatSettings } from './types';
import { usualModel } from './models';

export const rows = signal<ChatRow[] | null>(null);

const sessions = signal<ReadonlyMap<string, Session>>(new Map());

/** The chat of the address; undefined while it is read, null for a new one. */
export const current = computed<Session | null | undefined>(() => {
  const [page, id] = route.value;
  if (page !== undefined && page !== 'chat') return null;
  return id === undefined ? null : sessions.value.get(id);
});

export async function refreshChats(): Promise<void> {
  const list = await listChats();
  rows.value = list.map((row) => checkedRow(row, row.id));
}

function putRow({ id, title, model, created, updated }: Chat): void {
  const others = (rows.value ?? []).filter((row) => row.id !== id);
  rows.value = [{ id, title, model, created, updated }, ...others].sort(
    (a, b) => b.updated - a.updated,
  );
}

function open(chat: Chat): Session {
  const session = new Session(chat, putRow);
  sessions.value = new Map(sessions.value).set(chat.id, session);
  return session;
}

/** Reads a chat unless it is open. */
export async function openChat(id: string): Promise<void> {
  if (sessions.value.has(id)) return;
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(id)) throw new Error('there is no such chat');
  const unsaved = takeUnsaved(id);
  const document = await readChat(id).catch((error: unknown) => {
    const isNew = error instanceof ApiError && error.status === 404 && unsaved !== null;
    if (!isNew) throw error;
    return { ...(unsaved as Chat), version: 0 };
  });
  if (sessions.value.has(id)) return;
  const stored = checkedChat(document, id);
  if (unsaved === null) open(stored);
  else open(merged(checkedChat(unsaved, id), stored)).saver.mark(0);
}

/** A new chat, under its own address; it is written with its first message. */
export function newChat(model: string | undefined, chatSettings: ChatSettings): Session {
  const now = Date.now();
  const session = open({
    id: newId(),
    title: 'New chat',
    model: model ?? usualModel.value ?? '',
    created: now,
    updated: now,
    version: 0,
    messages: {},
    head: null,
    settings: chatSettings,
  });
  go(`/chat/${session.chat.value.id}`);
  return session;
}

/** What a new chat begins with. */
export function usualSettings(): ChatSettings {
  const { preset, presets, system } = settings.value;
  const found = presets.find((one) => one.id === preset);
  return { system: system || undefined, preset, sampling: found?.sampling };
}

export async function renameChat(id: string, title: string): Promise<void> {
  try {
    await openChat(id);
    const session = sessions.value.get(id);
    session?.change((chat) => ({ ...chat, title: title.trim() || chat.title }), 0);
  } catch (error) {
    toast(`The chat was not renamed: ${textOf(error)}`, 'error');
  }
}

function close(id: string): void {
  const session = sessions.value.get(id);
  session?.stop();
  session?.saver.forget();
  const others = new Map(sessions.value);
  others.delete(id);
  sessions.value = others;
}

/** Deletes a chat; for some seconds it can be had back. */
export async function removeChat(id: string): Promise<void> {
  try {
    await openChat(id);
    const document = sessions.value.get(id)?.chat.value;
    close(id);
    await deleteChat(id);
    rows.value = (rows.value ?? []).filter((row) => row.id !== id);
    if (route.value[1] === id) go('/chat', 'replace');
    const undo = async () => {
      if (!document) return;
      await writeChat({ ...document, version: 0 });
      await refreshChats();
    };
    toast(`Deleted “${document?.title ?? ''}”.`, 'info', { label: 'Undo', run: () => void undo() });
  } catch (error) {
    toast(`The chat was not deleted: ${textOf(error)}`, 'error');
  }
}

/** After an import: what is open may have changed. */
export function closeAll(): void {
  for (const [id, session] of sessions.value) if (!session.live.value) close(id);
}

addEventListener('pagehide', () => {
  for (const session of sessions.value.values()) session.saver.flushNow();
});

addEventListener('beforeunload', (event) => {
  // Only what would be lost asks: a write that failed.
  for (const session of sessions.value.values())
    if (session.saver.isPending && session.saver.trouble.value) event.preventDefault();
});
