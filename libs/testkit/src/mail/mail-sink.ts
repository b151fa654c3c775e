import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from 'smtp-server';
import { Arrivals } from '../arrivals.js';
import type { Patience } from '../eventually.js';
import { receivedMail, type ReceivedMail } from './received-mail.js';

export interface MailSinkOptions {
  /** Nobody may send without logging in like this. */
  auth?: { user: string; password: string };
}

/** What becomes of a mail. */
export type MailReply =
  /** 4xx: try again later. 5xx: never. `at`: the command that is answered like this, `data` by default. */
  | { code: number; text?: string; at?: 'mail' | 'rcpt' | 'data' }
  /** The line breaks after the mail was sent, before the answer; `delivered` tells whether it arrived all the same. */
  | { drop: true; delivered: boolean };

/** A real SMTP server that keeps what it gets and fails as it is told. */
export class MailSink implements AsyncDisposable {
  private readonly arrivals = new Arrivals<ReceivedMail>((mail) => `${mail.to.join(', ')}: ${mail.subject}`);
  private readonly sockets = new Set<Socket>();
  private replies: MailReply[] = [];
  private readonly smtp: SMTPServer;
  /** How many times a mail was offered, refused ones included. */
  attempts = 0;

  private constructor({ auth }: MailSinkOptions) {
    this.smtp = new SMTPServer({
      disableReverseLookup: true,
      disabledCommands: auth === undefined ? ['STARTTLS', 'AUTH'] : ['STARTTLS'],
      authOptional: auth === undefined,
      allowInsecureAuth: true,
      onAuth: ({ username, password }, _session, reply) => {
        const known = auth !== undefined && username === auth.user && password === auth.password;
        if (known) reply(null, { user: username });
        else reply(smtpError(535, 'Authentication credentials invalid'));
      },
      onMailFrom: (_address, _session, reply) => {
        this.attempts++;
        reply(this.refusalAt('mail'));
      },
      onRcptTo: (_address, _session, reply) => reply(this.refusalAt('rcpt')),
      onData: (stream, session, reply) => {
        this.receive(stream, session, reply).catch(reply);
      },
    });
    // A client that breaks off is no failure of the server.
    this.smtp.on('error', () => undefined);
    this.smtp.server.on('connection', (socket: Socket) => {
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
    });
  }

  static async start(options: MailSinkOptions = {}): Promise<MailSink> {
    const sink = new MailSink(options);
    await once(sink.smtp.listen(0, '127.0.0.1'), 'listening');
    return sink;
  }

  readonly host = '127.0.0.1';

  get port(): number {
    return (this.smtp.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `smtp://${this.host}:${this.port}`;
  }

  /** In the order of their arrival. */
  get messages(): readonly ReceivedMail[] {
    return this.arrivals.all;
  }

  /** The next `times` mails are answered like this; later calls come after earlier ones. */
  answerNext(times: number, reply: MailReply): void {
    this.replies.push(...Array.from({ length: times }, () => reply));
  }

  waitFor(wanted: (mail: ReceivedMail) => boolean, patience?: Patience): Promise<ReceivedMail> {
    return this.arrivals.waitFor(wanted, patience);
  }

  waitForCount(count: number, patience?: Patience): Promise<readonly ReceivedMail[]> {
    return this.arrivals.waitForCount(count, patience);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.smtp.close(resolve));
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  private async receive(
    stream: SMTPServerDataStream,
    session: SMTPServerSession,
    reply: (refusal: Error | null) => void,
  ): Promise<void> {
    const raw = await buffer(stream);
    const [next] = this.replies;
    if (next !== undefined && 'drop' in next) {
      this.replies.shift();
      if (next.delivered) this.deliver(session, raw);
      for (const socket of this.sockets) if (socket.remotePort === session.remotePort) socket.destroy();
      return;
    }
    const refusal = this.refusalAt('data');
    if (refusal === null) this.deliver(session, raw);
    reply(refusal);
  }

  private refusalAt(command: 'mail' | 'rcpt' | 'data'): Error | null {
    const [reply] = this.replies;
    if (reply === undefined || 'drop' in reply || (reply.at ?? 'data') !== command) return null;
    this.replies.shift();
    return smtpError(reply.code, reply.text ?? 'As the test wants it');
  }

  private deliver(session: SMTPServerSession, raw: Buffer): void {
    const { mailFrom, rcptTo } = session.envelope;
    const from = mailFrom === false ? '' : mailFrom.address;
    this.arrivals.add(receivedMail({ from, to: rcptTo.map(({ address }) => address), user: session.user }, raw));
  }
}

function smtpError(responseCode: number, message: string): Error {
  return Object.assign(new Error(message), { responseCode });
}
