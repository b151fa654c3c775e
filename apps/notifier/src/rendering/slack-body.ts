import type { Notice } from './notice.js';

/** Slack cuts longer texts. Source: chat.postMessage, "Truncating content". */
const LONGEST_TEXT = 3900;

const MARKS = { info: ':white_check_mark:', warning: ':warning:', critical: ':rotating_light:' } as const;

/** A notice in Slack's mrkdwn. Foreign text is escaped, so that no name can call a channel or make a link. */
export function slackText(notice: Notice, repeated: boolean): string {
  const lines = [
    `${MARKS[notice.severity]} *${bold(notice.subject)}*`,
    escapeMrkdwn(notice.summary),
    ...notice.facts.flatMap(({ label, values }) =>
      values.length === 1
        ? [`*${bold(label)}*: ${escapeMrkdwn(values[0] ?? '')}`]
        : [`*${bold(label)}*:`, ...values.map((value) => `• ${escapeMrkdwn(value)}`)],
    ),
    ...(notice.command ? [`*${bold(notice.texts.next)}*: \`${escapeMrkdwn(notice.command)}\``] : []),
    ...(repeated ? [`_${escapeMrkdwn(notice.texts.repeat)}_`] : []),
  ];
  const text = lines.join('\n');
  return text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text;
}

/** Source: Slack, "Formatting text for app surfaces": these three characters are all that must be escaped. */
function escapeMrkdwn(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** A star inside would end the bold part. */
function bold(text: string): string {
  return escapeMrkdwn(text).replaceAll('*', '∗');
}
