import { createReadStream } from 'node:fs';
import { appendFile, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { ReceivedSpan } from '@hozen/telemetry';

/** Days that spans are kept. */
export const KEPT_TRACE_DAYS = 7;

const DAY_MS = 86_400_000;
const DAY_FILE = /^(\d{4}-\d{2}-\d{2})\.jsonl$/;

export function tracesFolder(home: string): string {
  return join(home, 'traces');
}

/** Spans on disk for `hozen trace`: one JSON line a span, one file a day, old days removed. */
export class TraceStore {
  private writing: Promise<void> = Promise.resolve();

  constructor(private readonly folder: string) {}

  /** Appends in the order of the calls. A full disk must not stop the services: what cannot be written is lost. */
  append(spans: ReceivedSpan[]): void {
    const lines = spans.map((span) => `${JSON.stringify(span)}\n`).join('');
    this.writing = this.writing
      .then(() => mkdir(this.folder, { recursive: true, mode: 0o700 }))
      .then(() => appendFile(join(this.folder, `${dayOf(Date.now())}.jsonl`), lines, { mode: 0o600 }))
      .catch(() => undefined);
  }

  /** Waits until everything appended so far is on disk. */
  async settled(): Promise<void> {
    await this.writing;
  }

  async read(traceId: string): Promise<ReceivedSpan[]> {
    const spans: ReceivedSpan[] = [];
    for (const file of await this.dayFiles()) {
      for await (const line of createInterface({ input: createReadStream(join(this.folder, file)) })) {
        // Most lines belong to other traces; parsing them all would take most of the time.
        if (!line.includes(traceId)) continue;
        const span = parsed(line);
        if (span?.traceId === traceId) spans.push(span);
      }
    }
    return spans;
  }

  async removeOld(now = Date.now()): Promise<void> {
    const oldest = dayOf(now - KEPT_TRACE_DAYS * DAY_MS);
    for (const file of await this.dayFiles()) {
      if (file < oldest) await rm(join(this.folder, file), { force: true });
    }
  }

  private async dayFiles(): Promise<string[]> {
    const files = await readdir(this.folder).catch(() => []);
    return files.filter((file) => DAY_FILE.test(file)).toSorted();
  }
}

function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}

/** A line that a crash cut off is not a span. */
function parsed(line: string): ReceivedSpan | undefined {
  try {
    return JSON.parse(line) as ReceivedSpan;
  } catch {
    return undefined;
  }
}
