import { randomBytes } from 'node:crypto';
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Passwords of our own servers: made once, kept in files that only we can read, handed on as references. */
export class Secrets {
  constructor(private readonly folder: string) {}

  /** `file:/…`, for settings and configurations. */
  reference(name: string): string {
    return `file:${join(this.folder, name)}`;
  }

  async password(name: string): Promise<string> {
    const file = join(this.folder, name);
    const there = await readFile(file, 'utf8').catch(() => undefined);
    if (there) return there.trim();
    // Under its own name only when it is whole: a server may be made with it the next moment.
    const draft = `${file}.${randomBytes(6).toString('hex')}.new`;
    await writeFile(draft, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600, flush: true });
    await link(draft, file).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    await rm(draft, { force: true });
    return (await readFile(file, 'utf8')).trim();
  }
}
