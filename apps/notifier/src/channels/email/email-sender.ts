import { Injectable } from '@nestjs/common';
import { resolveSecret } from '@hozen/access';
import { createTransport, type Transporter } from 'nodemailer';
import type { Destination, Outcome, Sender } from '../../delivery/channel.js';
import { emailBody } from '../../rendering/email-body.js';
import type { Notice } from '../../rendering/notice.js';
import { NotifierSettings, type SmtpSettings } from '../../settings/notifier-settings.js';
import { redacted } from '../redact.js';
import { messageId } from './message-id.js';
import { smtpOutcome } from './smtp-outcome.js';

/** Silence after which a server counts as gone, in every phase; ms. */
const SILENCE_MS = 20_000;
/** TLS is asked for whenever a password would travel, but for servers on this very host. */
const LOCAL_HOSTS = new Set(['localhost', '127.0.0.1', '::1']);

/** Sends notices by SMTP. Each one has a connection of its own: a broken one harms nobody else. */
@Injectable()
export class EmailSender implements Sender {
  constructor(private readonly settings: NotifierSettings) {}

  async send(notice: Notice, destination: Destination, signal: AbortSignal): Promise<Outcome> {
    const { smtp } = this.settings;
    if (!smtp) return { kind: 'retry', error: 'no mail server is configured (HOZEN_SMTP_URL)' };
    let password: string | undefined;
    try {
      password = smtp.password === undefined ? undefined : await resolveSecret(smtp.password);
    } catch (error) {
      return { kind: 'retry', error: (error as Error).message };
    }
    const outcome = await transmit(transport(smtp, password), message(notice, destination, smtp.from), signal);
    return 'error' in outcome ? { ...outcome, error: redacted(outcome.error, [password]) } : outcome;
  }
}

function transport(smtp: SmtpSettings, password: string | undefined): Transporter {
  return createTransport({
    host: smtp.host,
    port: smtp.port,
    secure: smtp.secure,
    requireTLS: password !== undefined && !smtp.secure && !LOCAL_HOSTS.has(smtp.host),
    ...(smtp.user === undefined ? {} : { auth: { user: smtp.user, pass: password ?? '' } }),
    connectionTimeout: SILENCE_MS,
    greetingTimeout: SILENCE_MS,
    socketTimeout: SILENCE_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
}

function message(notice: Notice, destination: Destination, from: string) {
  const { deliveryId, attempt, address, repeated } = destination;
  return {
    from: { name: 'Hozen', address: from },
    to: { name: '', address },
    subject: notice.subject,
    ...emailBody(notice, repeated),
    // The same at every try: a mail program shows a repeat after a lost answer as the one mail it is.
    messageId: messageId(deliveryId, from),
    headers: { 'Auto-Submitted': 'auto-generated', 'X-Hozen-Attempt': String(attempt) },
  };
}

async function transmit(
  transporter: Transporter,
  mail: ReturnType<typeof message>,
  signal: AbortSignal,
): Promise<Outcome> {
  let handedOver = false;
  // Once the whole text has gone out, silence may mean that the server has taken it.
  transporter.use('stream', (compiled, done) => {
    compiled.message.processFunc((input) => input.once('end', () => (handedOver = true)));
    done();
  });
  const expired = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new Error('it took too long')), { once: true });
  });
  try {
    const { response } = (await Promise.race([transporter.sendMail(mail), expired])) as { response: string };
    return { kind: 'sent', providerId: redacted(response, []) };
  } catch (error) {
    return smtpOutcome(error as Error, handedOver);
  } finally {
    transporter.close();
  }
}
