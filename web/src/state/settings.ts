// What the user set, for all chats: kept by the server.
import { effect, signal } from '@preact/signals';
import { readSettings, writeSettings } from '../api/chats';
import { textOf } from '../api/http';
import { checkedSettings } from './check';
import { toast } from './toasts';
import type { Settings, Theme } from './types';

const defaults: Settings = {
  theme: 'auto',
  presets: [
    { id: 'server', name: "The server's own", sampling: {} },
    { id: 'precise', name: 'Precise', sampling: { temperature: 0.2, top_p: 0.9 } },
    { id: 'lively', name: 'Lively', sampling: { temperature: 1.1, min_p: 0.05 } },
    { id: 'greedy', name: 'Always the likeliest', sampling: { temperature: 0 } },
  ],
  prompts: [],
  preset: 'server',
  system: '',
  model: '',
  probabilities: true,
  tokens: false,
};

// The theme is also kept here, so that a page does not flash in the wrong one.
const theme_key = 'quire.theme';
const themes: Theme[] = ['auto', 'light', 'dark'];

export const settings = signal<Settings>({
  ...defaults,
  theme: themes.find((theme) => theme === localStorage.getItem(theme_key)) ?? 'auto',
});

effect(() => {
  const { theme } = settings.value;
  if (theme === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  localStorage.setItem(theme_key, theme);
});

export async function loadSettings(): Promise<void> {
  const read = checkedSettings(await readSettings(), defaults);
  settings.value = { ...read, theme: themes.find((theme) => theme === read.theme) ?? 'auto' };
}

let writing: Promise<unknown> = Promise.resolve();

export function changeSettings(change: Partial<Settings>): void {
  settings.value = { ...settings.value, ...change };
  const next = settings.value;
  writing = writing
    .then(() => writeSettings(next))
    .catch((error) => toast(`The settings were not saved: ${textOf(error)}`, 'error'));
}

export function nextTheme(): void {
  const at = themes.indexOf(settings.value.theme);
  changeSettings({ theme: themes[(at + 1) % themes.length] });
}
