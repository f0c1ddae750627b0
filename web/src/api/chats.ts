// Chats and settings as the server keeps them.
import type { Chat, ChatRow, Settings } from '../state/types';
import { json } from './http';

export async function listChats(): Promise<ChatRow[]> {
  const rows: ChatRow[] = [];
  for (let after = ''; ; ) {
    const page = await json<{ chats: ChatRow[]; next?: string }>(`/app/api/chats${after}`);
    rows.push(...page.chats);
    if (!page.next || !page.chats.length) return rows;
    after = `?after=${encodeURIComponent(page.next)}`;
  }
}

export const readChat = (id: string) => json<Chat>(`/app/api/chats/${id}`);

export const writeChat = (chat: Chat, keepalive = false) =>
  json<{ id: string; version: number; updated: number }>(`/app/api/chats/${chat.id}`, {
    method: 'PUT',
    json: chat,
    keepalive,
  });

export const deleteChat = (id: string) => json(`/app/api/chats/${id}`, { method: 'DELETE' });

export const readSettings = () => json<unknown>('/app/api/settings');

export const writeSettings = (settings: Settings) =>
  json<Settings>('/app/api/settings', { method: 'PUT', json: settings });

export const exportAll = () => json<unknown>('/app/api/export');

export const importAll = (document: unknown) =>
  json<{ imported: number; skipped: number }>('/app/api/import', { method: 'POST', json: document });
