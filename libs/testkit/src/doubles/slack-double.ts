import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { isRecord } from '@hozen/contracts';
import { Arrivals } from '../arrivals.js';
import type { Patience } from '../eventually.js';
import { faultOf } from './slack-rules.js';

export interface SlackDoubleOptions {
  /** The bot's token. */
  token?: string;
  /** Channels there are, without `#`. */
  channels?: readonly string[];
  /** One message a second and channel, as Slack has it. */
  limited?: boolean;
}

export interface SlackMessage {
  /** Name without `#`; for webhooks the channel of the webhook. */
  channel: string;
  text: string;
  blocks: readonly unknown[];
  /** `1700000000.000100`: number and identity of the message. */
  ts: string;
  threadTs: string | undefined;
  via: 'api' | 'webhook';
  payload: Readonly<Record<string, unknown>>;
}

/** What becomes of a message. */
export type SlackReply =
  /** An error of the Web API (HTTP 200, `ok: false`); as text for webhooks (HTTP 400). */
  | { error: string }
  /** An answer of what stands before Slack. */
  | { status: number; body?: string; headers?: Record<string, string> }
  /** The line breaks before the answer; `delivered` tells whether the message was posted all the same. */
  | { drop: true; delivered: boolean };

interface Post {
  via: 'api' | 'webhook';
  channel: string;
  payload: Record<string, unknown>;
  response: ServerResponse;
}

/** Milliseconds between two messages in one channel. https://docs.slack.dev/apis/web-api/rate-limits */
const LIMIT_MS = 1000;

/** Slack as a sender of messages sees it: `chat.postMessage` and incoming webhooks. */
export class SlackDouble implements AsyncDisposable {
  private readonly arrivals = new Arrivals<SlackMessage>((message) => `#${message.channel}: ${message.text}`);
  private readonly webhooks = new Map<string, string>();
  private readonly lastPost = new Map<string, number>();
  private replies: SlackReply[] = [];
  /** How many messages were offered, refused ones included. */
  attempts = 0;
  readonly token: string;
  readonly channels: Set<string>;
  limited: boolean;

  private constructor(
    private readonly server: Server,
    options: SlackDoubleOptions,
  ) {
    this.token = options.token ?? 'xoxb-test-token';
    this.channels = new Set(options.channels ?? ['general']);
    this.limited = options.limited ?? false;
  }

  static async start(options: SlackDoubleOptions = {}): Promise<SlackDouble> {
    const server = createServer();
    const slack = new SlackDouble(server, options);
    server.on('request', (request, response) => {
      slack.answer(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return slack;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** In place of `https://slack.com/api/`. */
  get apiUrl(): string {
    return `${this.url}/api/`;
  }

  /** A new incoming webhook of a channel. */
  webhookUrl(channel = 'general'): string {
    const number = this.webhooks.size + 1;
    const path = `/services/T${pad(1)}/B${pad(number)}/${'x'.repeat(20)}${pad(number)}`;
    this.webhooks.set(path, channel);
    return this.url + path;
  }

  /** In the order of their arrival. */
  get messages(): readonly SlackMessage[] {
    return this.arrivals.all;
  }

  /** The next `times` messages are answered like this; later calls come after earlier ones. */
  answerNext(times: number, reply: SlackReply): void {
    this.replies.push(...Array.from({ length: times }, () => reply));
  }

  waitFor(wanted: (message: SlackMessage) => boolean, patience?: Patience): Promise<SlackMessage> {
    return this.arrivals.waitFor(wanted, patience);
  }

  waitForCount(count: number, patience?: Patience): Promise<readonly SlackMessage[]> {
    return this.arrivals.waitForCount(count, patience);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    const { pathname } = new URL(request.url ?? '/', this.url);
    if (pathname.startsWith('/services/')) return this.answerWebhook(pathname, request, body, response);
    if (pathname === '/api/chat.postMessage') return this.answerApi(request, body, response);
    if (pathname.startsWith('/api/')) return json(response, { ok: false, error: 'unknown_method' });
    response.writeHead(404).end();
  }

  private answerApi(request: IncomingMessage, body: string, response: ServerResponse): void {
    const refuse = (error: string) => json(response, { ok: false, error });
    const payload = payloadOf(request, body);
    if (payload === undefined) return refuse('invalid_json');
    const token = /^Bearer (.*)$/.exec(request.headers.authorization ?? '')?.[1] ?? payload['token'];
    if (token === undefined) return refuse('not_authed');
    if (token !== this.token) return refuse('invalid_auth');
    const channel = typeof payload['channel'] === 'string' ? this.channelNamed(payload['channel']) : undefined;
    if (channel === undefined) return refuse('channel_not_found');
    const fault = faultOf(payload);
    if (fault !== undefined) return refuse(fault);
    this.post({ via: 'api', channel, payload, response });
  }

  private answerWebhook(path: string, request: IncomingMessage, body: string, response: ServerResponse): void {
    const refuse = (status: number, error: string) => void response.writeHead(status).end(error);
    const channel = this.webhooks.get(path);
    if (channel === undefined) return refuse(404, 'no_service');
    const payload = payloadOf(request, body);
    if (payload === undefined) return refuse(400, 'invalid_payload');
    if (!this.channels.has(channel)) return refuse(410, 'channel_is_archived');
    const fault = faultOf(payload);
    if (fault !== undefined) return refuse(400, fault);
    this.post({ via: 'webhook', channel, payload, response });
  }

  private post(post: Post): void {
    this.attempts++;
    const { response, via, channel } = post;
    const reply = this.replies.shift();
    if (reply !== undefined) return this.misbehave(reply, post);
    const wait = (this.lastPost.get(channel) ?? -Infinity) + LIMIT_MS - performance.now();
    if (this.limited && wait > 0) {
      const headers = { 'retry-after': String(Math.ceil(wait / 1000)), 'content-type': 'application/json' };
      return void response.writeHead(429, headers).end('{"ok":false,"error":"ratelimited"}');
    }
    const { ts, payload } = this.deliver(post);
    if (via === 'webhook') return void response.writeHead(200, { 'content-type': 'text/html' }).end('ok');
    json(response, { ok: true, channel: idOf(channel), ts, message: { type: 'message', text: payload['text'], ts } });
  }

  private misbehave(reply: SlackReply, post: Post): void {
    const { response, via } = post;
    if ('drop' in reply) {
      if (reply.delivered) this.deliver(post);
      response.destroy();
    } else if ('status' in reply) {
      response.writeHead(reply.status, reply.headers).end(reply.body ?? '');
    } else if (via === 'api') {
      json(response, { ok: false, error: reply.error });
    } else {
      response.writeHead(400).end(reply.error);
    }
  }

  private deliver({ via, channel, payload }: Post): SlackMessage {
    this.lastPost.set(channel, performance.now());
    const message: SlackMessage = {
      channel,
      text: typeof payload['text'] === 'string' ? payload['text'] : '',
      blocks: Array.isArray(payload['blocks']) ? payload['blocks'] : [],
      ts: `${1_700_000_000 + this.messages.length}.000100`,
      threadTs: typeof payload['thread_ts'] === 'string' ? payload['thread_ts'] : undefined,
      via,
      payload,
    };
    this.arrivals.add(message);
    return message;
  }

  /** By name, with or without `#`, or by id. */
  private channelNamed(given: string): string | undefined {
    const name = given.replace(/^#/, '');
    return [...this.channels].find((channel) => channel === name || idOf(channel) === given);
  }
}

/** JSON, or a form: then `payload` (webhooks) or each field, of which some hold JSON. */
function payloadOf(request: IncomingMessage, body: string): Record<string, unknown> | undefined {
  const isForm = (request.headers['content-type'] ?? '').startsWith('application/x-www-form-urlencoded');
  if (!isForm) return parsed(body);
  const fields = Object.fromEntries(new URLSearchParams(body));
  if (fields['payload'] !== undefined) return parsed(fields['payload']);
  const structured = ['blocks', 'attachments'].filter((name) => fields[name] !== undefined);
  return { ...fields, ...Object.fromEntries(structured.map((name) => [name, parsedValue(fields[name] ?? '')])) };
}

function parsed(body: string): Record<string, unknown> | undefined {
  const value = parsedValue(body);
  return isRecord(value) ? value : undefined;
}

function parsedValue(body: string): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return undefined;
  }
}

function json(response: ServerResponse, body: Readonly<Record<string, unknown>>): void {
  response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(body));
}

/** `C` and letters, the same for the same name. */
function idOf(channel: string): string {
  return `C${Buffer.from(channel).toString('hex').toUpperCase()}`;
}

function pad(number: number): string {
  return String(number).padStart(8, '0');
}
