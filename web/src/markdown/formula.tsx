// LaTeX as MathML, which browsers draw themselves. Until temml is there, or if it does not
// understand the formula, its source is shown.
import { useEffect, useRef, useState } from 'preact/hooks';
import { memo } from 'preact/compat';

type Temml = typeof import('temml').default;

const tex_chars_max = 5000;
const mathml = 'http://www.w3.org/1998/Math/MathML';
const bad_attribute = /^(on|href|src|xlink|data|action)/i;

let loading: Promise<Temml> | null = null;

// temml trusts no \href or \includegraphics (`trust: false`); this would take out what it missed.
function removeForeign(node: Element): void {
  for (const child of Array.from(node.children)) {
    if (child.namespaceURI !== mathml) child.replaceWith(child.textContent ?? '');
    else removeForeign(child);
  }
  for (const { name } of Array.from(node.attributes))
    if (bad_attribute.test(name)) node.removeAttribute(name);
}

function draw(temml: Temml, tex: string, display: boolean, into: HTMLElement): boolean {
  try {
    temml.render(tex, into, {
      displayMode: display,
      throwOnError: true,
      trust: false,
      maxExpand: 500,
      maxSize: [50, 50],
    });
    const math = into.firstElementChild;
    if (math?.namespaceURI !== mathml) return false;
    removeForeign(math);
    return true;
  } catch {
    return false;
  }
}

export const Formula = memo(({ tex, display }: { tex: string; display: boolean }) => {
  const place = useRef<HTMLSpanElement>(null);
  const [drawn, setDrawn] = useState(false);
  useEffect(() => {
    let here = true;
    loading ??= import('temml').then((module) => module.default);
    void loading.then((temml) => {
      if (!here || !place.current || tex.length > tex_chars_max) return;
      setDrawn(draw(temml, tex, display, place.current));
    });
    return () => {
      here = false;
    };
  }, [tex, display]);
  return (
    <span class={display ? 'formula display' : 'formula'}>
      <span ref={place} hidden={!drawn} tabIndex={drawn && display ? 0 : undefined} />
      {drawn ? null : <code>{tex}</code>}
    </span>
  );
});
