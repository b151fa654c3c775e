import { isTimeZone, LANGUAGES, SECRET_REFERENCE, type Language } from '@hozen/contracts';
import type { SettingsReader } from '@hozen/service';
import { isEmail } from 'class-validator';

export interface SmtpSettings {
  host: string;
  port: number;
  /** TLS from the first byte (`smtps:`); otherwise STARTTLS where the server offers it. */
  secure: boolean;
  user: string | undefined;
  /** Secret reference. */
  password: string | undefined;
  from: string;
}

export interface SlackSettings {
  /** Secret reference of the bot token. */
  token: string | undefined;
  apiUrl: string | undefined;
}

/** Settings of the notifier, from the environment. A class, so that Nest can inject it. */
export class NotifierSettings {
  smtp: SmtpSettings | undefined;
  slack: SlackSettings = { token: undefined, apiUrl: undefined };
  /** Told of everything as long as no rule is configured. */
  defaultEmail: string | undefined;
  defaultLanguage: Language = 'en';
  /** Zone in which notices tell times. */
  timeZone = 'UTC';
  /** Seconds to wait after the first, second, … failed try. One more than these are made. */
  retrySeconds: readonly number[] = [60, 300, 900, 3600];
  /** Seconds after which a try that was never concluded, as by a crash, is another instance's. */
  leaseSeconds = 60;
}

/** Faults are left in `read`, which reports them together with those of the common settings. */
export function readNotifierSettings(read: SettingsReader): NotifierSettings {
  const parsed = <T>(name: string, parse: (text: string) => T | undefined, expected: string): T | undefined => {
    const text = read.optionalText(name);
    const value = text === undefined ? undefined : parse(text);
    if (text !== undefined && value === undefined) read.fault(name, `must be ${expected}`);
    return value;
  };
  const defaults = new NotifierSettings();
  const settings: NotifierSettings = {
    smtp: smtp(read, parsed),
    slack: {
      token: parsed('HOZEN_SLACK_TOKEN', secretReference, REFERENCE),
      apiUrl: parsed('HOZEN_SLACK_API_URL', httpUrl, 'an http or https URL'),
    },
    defaultEmail: parsed('HOZEN_DEFAULT_EMAIL', mailAddress, 'a mail address'),
    defaultLanguage: read.oneOf('HOZEN_DEFAULT_LANGUAGE', LANGUAGES, defaults.defaultLanguage),
    timeZone: parsed('HOZEN_TIME_ZONE', timeZone, 'an IANA time zone such as Asia/Tokyo') ?? defaults.timeZone,
    retrySeconds: parsed('HOZEN_NOTIFY_RETRY_SECONDS', seconds, 'seconds such as 60,300') ?? defaults.retrySeconds,
    leaseSeconds: parsed('HOZEN_NOTIFY_LEASE_SECONDS', positive, 'a number of seconds') ?? defaults.leaseSeconds,
  };
  if (settings.defaultEmail && !settings.smtp) read.fault('HOZEN_DEFAULT_EMAIL', 'needs HOZEN_SMTP_URL');
  return settings;
}

const REFERENCE = 'a reference to a secret (env:NAME or file:/path)';

type Parsed = <T>(name: string, parse: (text: string) => T | undefined, expected: string) => T | undefined;

function smtp(read: SettingsReader, parsed: Parsed): SmtpSettings | undefined {
  const server = parsed(
    'HOZEN_SMTP_URL',
    smtpServer,
    'smtp://host:port or smtps://host:port, without user or password',
  );
  const from = parsed('HOZEN_MAIL_FROM', mailAddress, 'a mail address');
  const password = parsed('HOZEN_SMTP_PASSWORD', secretReference, REFERENCE);
  const user = read.optionalText('HOZEN_SMTP_USER');
  return server && { ...server, user, password, from: from ?? `hozen@${mailDomain(server.host)}` };
}

function secretReference(text: string): string | undefined {
  return SECRET_REFERENCE.test(text) ? text : undefined;
}

function smtpServer(text: string): Pick<SmtpSettings, 'host' | 'port' | 'secure'> | undefined {
  const url = URL.parse(text);
  if (!url || !['smtp:', 'smtps:'].includes(url.protocol) || url.hostname === '') return undefined;
  if (url.username !== '' || url.password !== '') return undefined;
  const secure = url.protocol === 'smtps:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return { host, port: url.port === '' ? (secure ? 465 : 25) : Number(url.port), secure };
}

/** An address literal is no domain for a sender's address. */
function mailDomain(host: string): string {
  return /[a-z]/i.test(host) && !host.includes(':') ? host : 'localhost';
}

function mailAddress(text: string): string | undefined {
  return isEmail(text, { require_tld: false }) ? text : undefined;
}

function httpUrl(text: string): string | undefined {
  return ['http:', 'https:'].includes(URL.parse(text)?.protocol ?? '') ? text : undefined;
}

function timeZone(text: string): string | undefined {
  return isTimeZone(text) ? text : undefined;
}

function seconds(text: string): number[] | undefined {
  const list = text.split(',').map((each) => Number(each.trim() || Number.NaN));
  return list.every((each) => Number.isFinite(each) && each >= 0) ? list : undefined;
}

function positive(text: string): number | undefined {
  return Number(text) > 0 ? Number(text) : undefined;
}
