import { createReadStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { CustomFormatReader, type TocEntry } from './custom-format.js';

/** The numbers of the definitions in a file of pg_dump: those of event triggers come last. */
export async function entriesIn(schema: string): Promise<{ first: number[]; last: number[] }> {
  const first: number[] = [];
  const last: number[] = [];
  const onEntry = (entry: TocEntry) => (isOfEventTrigger(entry) ? last : first).push(entry.dumpId);
  const archive = new CustomFormatReader({ onEntry });
  for await (const chunk of createReadStream(schema) as AsyncIterable<Buffer>) archive.push(chunk);
  archive.end();
  return { first, last };
}

function isOfEventTrigger({ desc, tag }: TocEntry): boolean {
  return desc === 'EVENT TRIGGER' || (/^(COMMENT|SECURITY LABEL)$/.test(desc) && tag.startsWith('EVENT TRIGGER '));
}

/** What `--use-list` takes. */
export async function writeList(path: string, entries: readonly number[]): Promise<void> {
  await writeFile(path, entries.map((dumpId) => `${dumpId};\n`).join(''), { mode: 0o600 });
}
