// Chats and settings as the server keeps them.
import type { Chat, ChatRow, Settings } from '../state/types';
import { json } from './http';

export const listChats = async (): Promise<ChatRow[]> =>
  (await json<{ chats: ChatRow[] }>('/app/api/chats')).chats;

export const readChat = (id: string) => json<Chat>(`/app/api/chats/${id}`);

export const writeChat = (chat: Chat, keepalive = false) =>
  json<{ id: string; version: number; updated: number }>(`/app/api/chats/${chat.id}`, {
    method: 'PUT',
    json: chat,
    keepalive,
  });

export const deleteChat = (id: string) => json(`/app/api/chats/${id}`, { method: 'DELETE' });

export const readSettings = () => json<Partial<Settings>>('/app/api/settings');

export const writeSettings = (settings: Settings) =>
  json<Settings>('/app/api/settings', { method: 'PUT', json: settings });

export const exportAll = () => json<unknown>('/app/api/export');

export const importAll = (document: unknown) =>
  json<{ imported: number; skipped: number }>('/app/api/import', { method: 'POST', json: document });
