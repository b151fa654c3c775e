import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SMTPServer, type SMTPServerDataStream } from 'smtp-server';

const LARGEST_MAIL = 10_000_000;

/** A mail server for trying Hozen out: takes every mail on 127.0.0.1 and puts it into a folder. */
export class Mailbox implements AsyncDisposable {
  private received = 0;

  private constructor(
    private readonly folder: string,
    private readonly server: SMTPServer,
  ) {}

  static async start(folder: string): Promise<Mailbox> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    let mailbox: Mailbox | undefined;
    const server = new SMTPServer({
      disabledCommands: ['AUTH', 'STARTTLS'],
      size: LARGEST_MAIL,
      logger: false,
      onData: (stream, _session, answer) => {
        mailbox?.keep(stream).then(
          () => answer(),
          (error: Error) => answer(error),
        );
      },
    });
    mailbox = new Mailbox(folder, server);
    // A client that goes away in the middle of a mail is no reason to stop.
    server.on('error', () => undefined);
    server.listen(0, '127.0.0.1');
    await once(server.server, 'listening');
    return mailbox;
  }

  get url(): string {
    return `smtp://127.0.0.1:${(this.server.server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => {
      this.server.close(() => resolve());
    });
  }

  private async keep(stream: SMTPServerDataStream): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    if (stream.sizeExceeded) throw new Error('the mail is too large');
    this.received += 1;
    const time = new Date().toISOString().replace(/[:.]/g, '-');
    const name = `${time}-${process.pid}-${this.received}.eml`;
    await writeFile(join(this.folder, `${name}.part`), Buffer.concat(chunks), { mode: 0o600 });
    await rename(join(this.folder, `${name}.part`), join(this.folder, name));
  }
}

/** The newest mail in the folder that holds the text (a message id). */
export async function mailWith(folder: string, text: string): Promise<string | undefined> {
  const files = (await readdir(folder).catch(() => [])).filter((file) => file.endsWith('.eml')).toSorted();
  for (const file of files.toReversed()) {
    if ((await readFile(join(folder, file), 'utf8')).includes(text)) return join(folder, file);
  }
  return undefined;
}
