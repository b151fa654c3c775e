import type { Outcome } from '../../delivery/channel.js';

/** What nodemailer adds to an error that a server's answer caused. */
interface SmtpError extends Error {
  responseCode?: number;
}

/**
 * What a failed try by SMTP means. Source: RFC 5321 §4.2.1: 4yz is transient, 5yz permanent. Without an answer it
 * depends on how far the mail got.
 *
 * @param handedOver the whole text had gone out
 */
export function smtpOutcome(error: SmtpError, handedOver: boolean): Extract<Outcome, { error: string }> {
  const { responseCode = 0, message } = error;
  if (responseCode >= 500) return { kind: 'refused', error: message };
  if (responseCode >= 400 || !handedOver) return { kind: 'retry', error: message };
  return { kind: 'unknown', error: message };
}
