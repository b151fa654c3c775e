import { leaves, parseMime } from './mime.js';

/** A mail as the server took it. */
export interface ReceivedMail {
  /** Of the envelope, not of the header. */
  from: string;
  /** Of the envelope, not of the header. */
  to: string[];
  /** Who logged in. */
  user: string | undefined;
  raw: Buffer;
  /** Names in lower case, values decoded. */
  headers: ReadonlyMap<string, string>;
  subject: string;
  /** The first text/plain part, decoded. */
  text: string;
  /** The first text/html part, decoded. */
  html: string;
}

export function receivedMail(envelope: Pick<ReceivedMail, 'from' | 'to' | 'user'>, raw: Buffer): ReceivedMail {
  const message = parseMime(raw);
  const textOf = (type: string) => leaves(message).find((part) => part.type === type)?.text ?? '';
  return {
    ...envelope,
    raw,
    headers: message.headers,
    subject: message.headers.get('subject') ?? '',
    text: textOf('text/plain'),
    html: textOf('text/html'),
  };
}
