import { IncomingWebhook, IncomingWebhookHTTPError, IncomingWebhookRequestError } from '@slack/webhook';
import type { Outcome } from '../../delivery/channel.js';
import { requester } from './requester.js';
import { connectionOutcome, httpOutcome, limitedOutcome } from './slack-outcome.js';

/** Posts once through an incoming webhook. Slack answers no id, so that is proof of acceptance only. */
export async function postWebhook(url: string, text: string, signal: AbortSignal): Promise<Outcome> {
  const requests = requester(signal);
  try {
    const webhook = new IncomingWebhook(url, { retryConfig: { retries: 0 }, fetch: requests.request });
    await webhook.send({ text, unfurl_links: false, unfurl_media: false });
    return { kind: 'sent', providerId: undefined };
  } catch (error) {
    if (error instanceof IncomingWebhookHTTPError) {
      return error.statusCode === 429
        ? limitedOutcome(requests.retryAfterSeconds())
        : httpOutcome(error.statusCode, error.body);
    }
    if (error instanceof IncomingWebhookRequestError) return connectionOutcome(error.original);
    throw error;
  }
}
