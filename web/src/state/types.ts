// The documents that the server keeps for this app (docs/web-app.md).

/** A token, its log-probability, and what else could have stood there. */
export type TokenRow = [token: string, logprob: number, top: [token: string, logprob: number][]];

export interface ToolCall {
  id: string;
  type: 'function';
  function: { name: string; arguments: string };
}

export interface Attachment {
  name: string;
  bytes: number;
  text: string;
}

export interface Usage {
  prompt_tokens: number;
  completion_tokens: number;
}

export interface Timings {
  prompt_n?: number;
  cache_n?: number;
  prompt_ms?: number;
  prompt_per_second?: number;
  predicted_n?: number;
  predicted_ms?: number;
  predicted_per_second?: number;
}

export type Role = 'user' | 'assistant' | 'tool';

export interface Message {
  id: string;
  parent: string | null;
  role: Role;
  content: string;
  created: number;
  reasoning?: string;
  tool_calls?: ToolCall[];
  tool_call_id?: string;
  attachments?: Attachment[];
  logprobs?: TokenRow[];
  usage?: Usage;
  timings?: Timings;
  /** Why the answer ended; missing while it is made, and when it was interrupted. */
  finish?: string;
  error?: string;
  note?: string;
  model?: string;
  /** The server's id of the request, for the inspector. */
  request?: string;
}

export interface Sampling {
  temperature?: number;
  top_p?: number;
  top_k?: number;
  min_p?: number;
  repeat_penalty?: number;
  presence_penalty?: number;
  frequency_penalty?: number;
  max_tokens?: number;
  seed?: number;
  stop?: string[];
}

export interface ChatSettings {
  system?: string;
  /** The preset that `sampling` was copied from. */
  preset?: string;
  sampling?: Sampling;
  /** Tools as OpenAI's API takes them: a JSON array, as the user wrote it. */
  tools?: string;
  /** Leave out the oldest messages when the context is full. */
  truncate?: boolean;
}

export interface ChatRow {
  id: string;
  title: string;
  model: string;
  created: number;
  updated: number;
}

export interface Chat extends ChatRow {
  version: number;
  messages: Record<string, Message>;
  head: string | null;
  settings: ChatSettings;
}

export interface Preset {
  id: string;
  name: string;
  sampling: Sampling;
}

export interface SystemPrompt {
  id: string;
  name: string;
  text: string;
}

export type Theme = 'auto' | 'light' | 'dark';

export interface Settings {
  theme: Theme;
  presets: Preset[];
  prompts: SystemPrompt[];
  /** For new chats. */
  preset: string;
  system: string;
  model: string;
  /** Ask for the probabilities of tokens, and show answers as tokens. */
  probabilities: boolean;
  tokens: boolean;
}
