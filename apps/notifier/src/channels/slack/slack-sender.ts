import { Injectable } from '@nestjs/common';
import { resolveSecret } from '@hozen/access';
import { SECRET_REFERENCE } from '@hozen/contracts';
import type { Destination, Outcome, Sender } from '../../delivery/channel.js';
import type { Notice } from '../../rendering/notice.js';
import { slackText } from '../../rendering/slack-body.js';
import { NotifierSettings } from '../../settings/notifier-settings.js';
import { redacted } from '../redact.js';
import { untraced } from '../untraced.js';
import { postMessage } from './post-message.js';
import { postWebhook } from './post-webhook.js';

/** Sends notices to Slack: as a bot into a channel, or through an incoming webhook. */
@Injectable()
export class SlackSender implements Sender {
  constructor(private readonly settings: NotifierSettings) {}

  async send(notice: Notice, { address, repeated }: Destination, signal: AbortSignal): Promise<Outcome> {
    const isWebhook = SECRET_REFERENCE.test(address);
    const reference = isWebhook ? address : this.settings.slack.token;
    if (reference === undefined) return { kind: 'retry', error: 'no bot token is configured (HOZEN_SLACK_TOKEN)' };
    let secret: string;
    try {
      secret = await resolveSecret(reference);
    } catch (error) {
      return { kind: 'retry', error: (error as Error).message };
    }
    const text = slackText(notice, repeated);
    const { apiUrl } = this.settings.slack;
    const outcome = await untraced(() =>
      isWebhook ? postWebhook(secret, text, signal) : postMessage({ token: secret, apiUrl }, address, text, signal),
    );
    return 'error' in outcome ? { ...outcome, error: redacted(outcome.error, [secret]) } : outcome;
  }
}
