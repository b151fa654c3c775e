import { describe, expect, it } from 'vitest';
import { SlackDouble } from './slack-double.js';

interface Answer {
  ok: boolean;
  error?: string;
  ts?: string;
}

function call(slack: SlackDouble, body: unknown, token: string | null = slack.token): Promise<Response> {
  const headers = { 'content-type': 'application/json; charset=utf-8' };
  return fetch(`${slack.apiUrl}chat.postMessage`, {
    method: 'POST',
    headers: token === null ? headers : { ...headers, authorization: `Bearer ${token}` },
    body: JSON.stringify(body),
  });
}

async function answerTo(...args: Parameters<typeof call>): Promise<Answer> {
  const response = await call(...args);
  expect(response.status).toBe(200);
  return (await response.json()) as Answer;
}

function hook(url: string, body: string): Promise<Response> {
  return fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
}

describe('the Slack double', () => {
  it('posts into a channel by name or id and gives each message a ts', async () => {
    await using slack = await SlackDouble.start({ channels: ['dba'] });
    const first = await answerTo(slack, { channel: '#dba', text: 'one' });
    const { channel } = (await (await call(slack, { channel: 'dba', text: 'two' })).json()) as { channel: string };
    await answerTo(slack, { channel, text: 'three', thread_ts: first.ts });
    expect(slack.messages.map(({ text, threadTs }) => [text, threadTs])).toEqual([
      ['one', undefined],
      ['two', undefined],
      ['three', first.ts],
    ]);
    expect(new Set(slack.messages.map(({ ts }) => ts)).size).toBe(3);
  });

  it.each([
    ['not_authed', { channel: 'general', text: 'x' }, null],
    ['invalid_auth', { channel: 'general', text: 'x' }, 'xoxb-wrong'],
    ['channel_not_found', { channel: '#nowhere', text: 'x' }, undefined],
    ['no_text', { channel: 'general' }, undefined],
    ['msg_too_long', { channel: 'general', text: 'x'.repeat(40_001) }, undefined],
    ['invalid_blocks', { channel: 'general', text: 'x', blocks: [{ type: 'section', text: {} }] }, undefined],
    ['invalid_json', 'no object', undefined],
  ])('answers HTTP 200 and ok: false with %s', async (error, body, token) => {
    await using slack = await SlackDouble.start();
    expect(await answerTo(slack, body, token)).toEqual({ ok: false, error });
    expect(slack.messages).toEqual([]);
  });

  it('takes one message a second and channel when limited, and says when to come again', async () => {
    await using slack = await SlackDouble.start({ channels: ['a', 'b'], limited: true });
    await answerTo(slack, { channel: 'a', text: '1' });
    await answerTo(slack, { channel: 'b', text: '1' });
    const refused = await call(slack, { channel: 'a', text: '2' });
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(slack.messages.length).toBe(2);
  });

  it('answers webhooks in plain text', async () => {
    await using slack = await SlackDouble.start({ channels: ['dba'] });
    const url = slack.webhookUrl('dba');
    const good = await hook(url, JSON.stringify({ text: 'hello' }));
    expect([good.status, await good.text()]).toEqual([200, 'ok']);
    const elsewhere = await hook(`${url}x`, '{}');
    expect([elsewhere.status, await elsewhere.text()]).toEqual([404, 'no_service']);
    const broken = await hook(url, '{');
    expect([broken.status, await broken.text()]).toEqual([400, 'invalid_payload']);
    const empty = await hook(url, '{}');
    expect([empty.status, await empty.text()]).toEqual([400, 'no_text']);
    expect((await slack.waitFor(({ via }) => via === 'webhook')).channel).toBe('dba');
  });

  it('fails as it is told, as often as it is told', async () => {
    await using slack = await SlackDouble.start();
    slack.answerNext(1, { status: 503, headers: { 'retry-after': '7' } });
    slack.answerNext(1, { error: 'account_inactive' });
    slack.answerNext(1, { drop: true, delivered: true });
    const message = { channel: 'general', text: 'x' };
    const busy = await call(slack, message);
    expect([busy.status, busy.headers.get('retry-after')]).toEqual([503, '7']);
    expect(await answerTo(slack, message)).toEqual({ ok: false, error: 'account_inactive' });
    await expect(call(slack, message)).rejects.toThrow('fetch failed');
    expect(slack.messages.length).toBe(1);
    expect(await answerTo(slack, message)).toMatchObject({ ok: true });
    expect(slack.attempts).toBe(4);
  });
});
