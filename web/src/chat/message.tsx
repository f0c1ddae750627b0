// One message, and what can be done with it.
import { useSignal } from '@preact/signals';
import { memo } from 'preact/compat';
import { useEffect, useRef } from 'preact/hooks';
import { textOf } from '../api/http';
import { Markdown } from '../markdown/markdown';
import { Code } from '../markdown/code';
import type { Session } from '../state/session';
import { settings } from '../state/settings';
import { toast } from '../state/toasts';
import { siblings } from '../state/tree';
import type { Message } from '../state/types';
import { CopyButton, IconButton } from '../ui/controls';
import { bytes } from '../ui/format';
import { Icon } from '../ui/icons';
import { MessageStats } from './stats';
import { TokenView } from './tokens';
import { ToolCalls } from './tool_calls';

interface Props {
  message: Message;
  session: Session;
  isLast: boolean;
  /** The note of the answer before, which need not be repeated. */
  notedBefore: string | undefined;
}

const names = { user: 'You', assistant: 'Model', tool: 'Tool' };

const complain = (error: unknown) => toast(textOf(error), 'error');

export function MessageView({ message, session, isLast, notedBefore }: Props) {
  const editing = useSignal(false);
  const tokens = useSignal<boolean | null>(null);
  const isLive = session.live.value?.message === message.id;
  const showsTokens = (tokens.value ?? settings.value.tokens) && message.logprobs !== undefined;
  return (
    <article class={`message ${message.role}`} aria-busy={isLive} data-id={message.id}>
      <h2 class="unseen">{message.role === 'assistant' ? message.model || 'Model' : names[message.role]}</h2>
      {message.attachments ? <Attachments message={message} /> : null}
      {message.reasoning ? <Reasoning message={message} isLive={isLive} /> : null}
      {editing.value ? (
        <Editor message={message} session={session} onDone={() => (editing.value = false)} />
      ) : (
        <Body message={message} session={session} isLive={isLive} showsTokens={showsTokens} />
      )}
      {message.tool_calls ? (
        <ToolCalls
          calls={message.tool_calls}
          onResults={
            isLast && !isLive
              ? (results) => void session.sendResults(message.id, results).catch(complain)
              : null
          }
        />
      ) : null}
      {message.note && message.note !== notedBefore ? <p class="state">{message.note}</p> : null}
      <State message={message} isLive={isLive} />
      {editing.value ? null : (
        <Actions
          message={message}
          session={session}
          isLive={isLive}
          showsTokens={showsTokens}
          onEdit={() => (editing.value = true)}
          onTokens={() => (tokens.value = !showsTokens)}
        />
      )}
    </article>
  );
}

interface BodyProps {
  message: Message;
  session: Session;
  isLive: boolean;
  showsTokens: boolean;
}

function Body({ message, session, isLive, showsTokens }: BodyProps) {
  if (message.role === 'user') return message.content ? <p class="said">{message.content}</p> : null;
  if (message.role === 'tool') return <Code text={message.content} language="json" />;
  if (showsTokens)
    return (
      <TokenView
        rows={message.logprobs ?? []}
        onBranch={
          session.live.value || message.reasoning || message.tool_calls
            ? null
            : (at, token, logprob) =>
                void session.branchAt(message.id, at, token, logprob).catch(complain)
        }
      />
    );
  return (
    <div class="said">
      <Markdown text={message.content} />
      {isLive ? <span class="caret" aria-hidden="true" /> : null}
    </div>
  );
}

const Attachments = memo(({ message }: { message: Message }) => (
  <div class="attachments">
    {(message.attachments ?? []).map((file, i) => (
      <details key={i}>
        <summary>
          <Icon name="clip" />
          {file.name} <small>{bytes(file.bytes)}</small>
        </summary>
        <Code text={file.text} language={file.name.split('.').at(-1)} />
      </details>
    ))}
  </div>
));

function Reasoning({ message, isLive }: { message: Message; isLive: boolean }) {
  const thinks = isLive && !message.content && !message.tool_calls;
  return (
    <details class="reasoning" open={thinks || undefined}>
      <summary>
        <Icon name="thought" />
        {thinks ? 'Thinking…' : 'Thought'}
      </summary>
      <Markdown text={message.reasoning ?? ''} />
    </details>
  );
}

// What is to be said about how an answer ended.
function State({ message, isLive }: { message: Message; isLive: boolean }) {
  if (message.role !== 'assistant' || isLive) return null;
  const { finish } = message;
  const text =
    finish === 'error'
      ? `No answer: ${message.error}`
      : finish === undefined
        ? 'This answer was interrupted.'
        : finish === 'stopped'
          ? 'Stopped.'
          : finish === 'length'
            ? 'It ended at the limit of tokens, or because the context is full.'
            : finish === 'edited'
              ? 'Edited by hand.'
              : null;
  return text ? <p class={finish === 'error' ? 'state error' : 'state'}>{text}</p> : null;
}

interface ActionsProps extends BodyProps {
  onEdit: () => void;
  onTokens: () => void;
}

function Actions({ message, session, isLive, showsTokens, onEdit, onTokens }: ActionsProps) {
  const isBusy = session.live.value !== null;
  const isAnswer = message.role === 'assistant';
  const canGoOn =
    isAnswer && message.content !== '' && !message.tool_calls && message.finish !== 'stop';
  return (
    <div class="actions-row">
      <Branches message={message} session={session} />
      {message.content ? <CopyButton text={message.content} label="Copy" /> : null}
      {isLive || message.role === 'tool' ? null : (
        <IconButton icon="pencil" label="Edit" disabled={isBusy} onClick={onEdit} />
      )}
      {isAnswer && !isLive ? (
        <IconButton
          icon="again"
          label="Regenerate"
          disabled={isBusy}
          onClick={() => void session.regenerate(message.id).catch(complain)}
        />
      ) : null}
      {canGoOn && !isLive ? (
        <IconButton
          icon="onward"
          label="Continue"
          disabled={isBusy}
          onClick={() => void session.goOn(message.id).catch(complain)}
        />
      ) : null}
      {message.logprobs ? (
        <IconButton
          icon="bars"
          label="Probabilities of the tokens"
          aria-pressed={showsTokens}
          onClick={onTokens}
        />
      ) : null}
      {isAnswer ? <MessageStats message={message} isLive={isLive} /> : null}
    </div>
  );
}

// The arrows between an edit or a regeneration and what it replaced.
function Branches({ message, session }: { message: Message; session: Session }) {
  const all = siblings(session.chat.value, message.parent);
  if (all.length < 2) return null;
  const at = all.findIndex((one) => one.id === message.id);
  const step = (by: number) => {
    const next = all[at + by];
    if (next) session.show(next.id);
  };
  return (
    <span class="branches" role="group" aria-label="Versions of this message">
      <IconButton
        icon="left"
        label="Previous version"
        disabled={at === 0}
        onClick={() => step(-1)}
      />
      <span>
        {at + 1} / {all.length}
      </span>
      <IconButton
        icon="right"
        label="Next version"
        disabled={at === all.length - 1}
        onClick={() => step(1)}
      />
    </span>
  );
}

interface EditorProps {
  message: Message;
  session: Session;
  onDone: () => void;
}

function Editor({ message, session, onDone }: EditorProps) {
  const text = useSignal(message.content);
  const area = useRef<HTMLTextAreaElement>(null);
  useEffect(() => area.current?.focus(), []);
  const isUser = message.role === 'user';
  const save = () => {
    onDone();
    if (isUser) void session.resend(message.id, text.value).catch(complain);
    else session.rewrite(message.id, text.value);
  };
  return (
    <div class="editor">
      <textarea
        ref={area}
        aria-label="Edit the message"
        value={text.value}
        onInput={(event) => (text.value = event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'Escape') {
            event.stopPropagation();
            onDone();
          }
          if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) save();
        }}
      />
      <div class="actions">
        <button type="button" onClick={onDone}>
          Cancel
        </button>
        <button type="button" class="primary" onClick={save}>
          {isUser ? 'Send' : 'Save'}
        </button>
      </div>
    </div>
  );
}
