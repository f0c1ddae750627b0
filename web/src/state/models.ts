// The models of this server, read when a page needs them.
import { computed, signal } from '@preact/signals';
import { listModels, type ModelRow } from '../api/models';
import { settings } from './settings';

export const models = signal<ModelRow[] | null>(null);

export async function refreshModels(): Promise<void> {
  models.value = await listModels();
}

export const modelNamed = (name: string) => models.value?.find((model) => model.name === name);

/** What a new chat talks to: the one chosen last, else one that is loaded, else any. */
export const usualModel = computed(() => {
  const all = models.value ?? [];
  return (
    all.find((model) => model.name === settings.value.model) ??
    all.find((model) => model.loaded) ??
    all[0]
  )?.name;
});
