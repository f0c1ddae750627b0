// Files that go with a message: text only, so that nothing is sent which a model cannot read.
import type { Attachment } from '../state/types';
import { bytes } from '../ui/format';

const file_bytes_max = 1 << 20;

/** The file, or what is wrong with it. */
export async function readTextFile(file: File): Promise<Attachment | string> {
  if (file.size > file_bytes_max)
    return `${file.name} has ${bytes(file.size)}, at most ${bytes(file_bytes_max)} can be attached`;
  if (file.size === 0) return `${file.name} is empty`;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(await file.arrayBuffer());
    if (text.includes('\0')) return `${file.name} is not text: there is a zero byte in it`;
    return { name: file.name, bytes: file.size, text };
  } catch {
    return `${file.name} is not text in UTF-8`;
  }
}
