// Code with colours. highlight.js gives spans and escaped text; they are read back into elements,
// so that its text is not trusted as HTML either.
import { h, type ComponentChildren } from 'preact';
import hljs from 'highlight.js/lib/core';
import bash from 'highlight.js/lib/languages/bash';
import c from 'highlight.js/lib/languages/c';
import cpp from 'highlight.js/lib/languages/cpp';
import css from 'highlight.js/lib/languages/css';
import diff from 'highlight.js/lib/languages/diff';
import go from 'highlight.js/lib/languages/go';
import java from 'highlight.js/lib/languages/java';
import javascript from 'highlight.js/lib/languages/javascript';
import json from 'highlight.js/lib/languages/json';
import markdown from 'highlight.js/lib/languages/markdown';
import python from 'highlight.js/lib/languages/python';
import rust from 'highlight.js/lib/languages/rust';
import sql from 'highlight.js/lib/languages/sql';
import typescript from 'highlight.js/lib/languages/typescript';
import xml from 'highlight.js/lib/languages/xml';
import yaml from 'highlight.js/lib/languages/yaml';

const languages = {
  bash, c, cpp, css, diff, go, java, javascript, json, markdown, python, rust, sql, typescript, xml,
  yaml,
};
for (const [name, language] of Object.entries(languages)) hljs.registerLanguage(name, language);

const entities: Record<string, string> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#x27;': "'",
};

const unescaped = (text: string) =>
  text.replace(/&(?:amp|lt|gt|quot|#x27);/g, (entity) => entities[entity] ?? entity);

/** The text as elements; as it is when the language is not known. */
export function highlight(text: string, language: string): ComponentChildren {
  if (!hljs.getLanguage(language)) return text;
  const { value } = hljs.highlight(text, { language, ignoreIllegals: true });
  const stack: { name: string; children: ComponentChildren[] }[] = [{ name: '', children: [] }];
  for (const part of value.split(/(<span class="[\w\- ]*">|<\/span>)/)) {
    const top = stack[stack.length - 1];
    const begin = /^<span class="([\w\- ]*)">$/.exec(part);
    if (begin) {
      stack.push({ name: begin[1] ?? '', children: [] });
    } else if (part === '</span>' && stack.length > 1) {
      stack.pop();
      stack[stack.length - 1]?.children.push(h('span', { class: top?.name }, top?.children));
    } else if (part) {
      top?.children.push(unescaped(part));
    }
  }
  return stack[0]?.children;
}
