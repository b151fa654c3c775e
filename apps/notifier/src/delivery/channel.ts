import type { Language } from '@hozen/contracts';
import type { Notice } from '../rendering/notice.js';

export const CHANNELS = ['email', 'slack'] as const;
export type Channel = (typeof CHANNELS)[number];

/** Where a delivery goes, as the sender of its channel reads it. */
export interface Destination {
  /** Row of the ledger. */
  deliveryId: string;
  recipient: string;
  language: Language;
  /** Mail address, Slack channel, or the reference of a webhook. */
  address: string;
  /** The nth try. */
  attempt: number;
  /** An earlier try may have arrived. */
  repeated: boolean;
}

/**
 * How a try to send ended. It decides what the ledger does next; texts never hold a secret.
 *
 * - `sent`: the provider took it. `refused`: it never will. `retry`: not sent, try again.
 * - `unknown`: no answer came after the notice was handed over. It is sent again: told twice is better than not told.
 */
export type Outcome =
  | { kind: 'sent'; providerId: string | undefined }
  | { kind: 'refused'; error: string }
  | { kind: 'retry'; error: string; rateLimitedSeconds?: number }
  | { kind: 'unknown'; error: string };

/** Sends by one channel. One try: whoever calls decides about the next. */
export interface Sender {
  send(notice: Notice, destination: Destination, signal: AbortSignal): Promise<Outcome>;
}
