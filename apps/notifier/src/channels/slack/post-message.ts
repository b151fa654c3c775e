import {
  WebAPIHTTPError,
  WebAPIPlatformError,
  WebAPIRateLimitedError,
  WebAPIRequestError,
  WebClient,
  type ChatPostMessageResponse,
} from '@slack/web-api';
import type { Outcome } from '../../delivery/channel.js';
import { requester } from './requester.js';
import { connectionOutcome, httpOutcome, limitedOutcome, platformOutcome } from './slack-outcome.js';
import { silentLogger } from './silent-logger.js';

export interface Bot {
  token: string;
  /** Default: Slack's own. */
  apiUrl: string | undefined;
}

/** Posts once. The library's own retries are off: the ledger must know of every try. */
export async function postMessage(bot: Bot, channel: string, text: string, signal: AbortSignal): Promise<Outcome> {
  const client = new WebClient(bot.token, {
    ...(bot.apiUrl === undefined ? {} : { slackApiUrl: bot.apiUrl }),
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    allowAbsoluteUrls: false,
    logger: silentLogger,
    fetch: requester(signal).request,
  });
  try {
    const posted: ChatPostMessageResponse = await client.apiCall('chat.postMessage', {
      channel,
      text,
      mrkdwn: true,
      parse: 'none',
      link_names: false,
      unfurl_links: false,
      unfurl_media: false,
    });
    return { kind: 'sent', providerId: posted.ts };
  } catch (error) {
    return outcomeOf(error);
  }
}

function outcomeOf(error: unknown): Outcome {
  if (error instanceof WebAPIRateLimitedError) return limitedOutcome(error.retryAfter);
  if (error instanceof WebAPIPlatformError) return platformOutcome(error.data.error);
  if (error instanceof WebAPIHTTPError) return httpOutcome(error.statusCode, String(error.body ?? ''));
  if (error instanceof WebAPIRequestError) return connectionOutcome(error.original);
  // A 429 without a readable Retry-After, or an answer that is no JSON: whether it was posted is not known.
  return { kind: 'unknown', error: 'Slack answered what its client does not understand' };
}
