import { dataSchemaOf, definitionOf, EVENT_TYPES, type EventType } from '../events/registry.js';
import { STREAMS, streamOf } from '../events/streams.js';
import { jsonSchemaOf, type JsonSchema } from './json-schema.js';

/** Who publishes and who consumes each event. */
const PARTIES: Readonly<Record<EventType, { publishers: string[]; consumers: string[] }>> = {
  'backup.requested': {
    publishers: ['scheduler', 'cli', 'maintenance-worker', 'backup-worker', 'anyone with the right'],
    consumers: ['backup-worker'],
  },
  'backup.accepted': { publishers: ['backup-worker'], consumers: [] },
  'backup.rejected': { publishers: ['backup-worker'], consumers: ['notifier', 'maintenance-worker'] },
  'backup.started': { publishers: ['backup-worker'], consumers: [] },
  'backup.completed': { publishers: ['backup-worker'], consumers: ['notifier', 'maintenance-worker'] },
  'backup.failed': { publishers: ['backup-worker'], consumers: ['notifier', 'maintenance-worker'] },
  'backup.gap_found': { publishers: ['backup-worker'], consumers: ['notifier'] },
  'backup.deleted': { publishers: ['backup-worker'], consumers: [] },
  'restore.requested': { publishers: ['cli', 'anyone with the right'], consumers: ['backup-worker'] },
  'restore.accepted': { publishers: ['backup-worker'], consumers: [] },
  'restore.rejected': { publishers: ['backup-worker'], consumers: [] },
  'restore.awaiting_approval': { publishers: ['backup-worker'], consumers: ['notifier'] },
  'restore.approved': { publishers: ['backup-worker'], consumers: ['notifier'] },
  'restore.started': { publishers: ['backup-worker'], consumers: [] },
  'restore.completed': { publishers: ['backup-worker'], consumers: ['notifier'] },
  'restore.failed': { publishers: ['backup-worker'], consumers: ['notifier'] },
  'restore.performance_deviates': { publishers: ['backup-worker'], consumers: ['notifier'] },
  'restore.performance_normal': { publishers: ['backup-worker'], consumers: ['notifier'] },
  'restore.performance_watched': { publishers: ['backup-worker'], consumers: ['notifier'] },
  'verification.requested': { publishers: ['scheduler', 'cli', 'anyone with the right'], consumers: ['backup-worker'] },
  'verification.accepted': { publishers: ['backup-worker'], consumers: [] },
  'verification.rejected': { publishers: ['backup-worker'], consumers: [] },
  'verification.started': { publishers: ['backup-worker'], consumers: [] },
  'verification.completed': { publishers: ['backup-worker'], consumers: ['notifier'] },
  'verification.failed': { publishers: ['backup-worker'], consumers: ['notifier'] },
  'storage.usage_high': { publishers: ['backup-worker'], consumers: ['notifier'] },
  'storage.usage_normal': { publishers: ['backup-worker'], consumers: ['notifier'] },
  'maintenance.requested': { publishers: ['scheduler', 'anyone with the right'], consumers: ['maintenance-worker'] },
  'maintenance.accepted': { publishers: ['maintenance-worker'], consumers: [] },
  'maintenance.rejected': { publishers: ['maintenance-worker'], consumers: [] },
  'maintenance.started': { publishers: ['maintenance-worker'], consumers: [] },
  'maintenance.completed': { publishers: ['maintenance-worker'], consumers: ['notifier'] },
  'maintenance.failed': { publishers: ['maintenance-worker'], consumers: ['notifier'] },
};

/** The AsyncAPI 3 document of all events, generated from the contracts. Written to `docs/asyncapi.yaml`. */
export function asyncApiDocument(version: string): JsonSchema {
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Hozen events',
      version,
      description:
        'Every event is a CloudEvents 1.0 envelope in JSON on the NATS subject of its type. Publishers of requests may send the bare data instead; what is absent is filled in from the message.',
      license: { name: 'Apache-2.0' },
    },
    servers: {
      nats: { host: '127.0.0.1:4222', protocol: 'nats', description: 'nats-server 2.9 or newer, JetStream on' },
    },
    channels: Object.fromEntries(EVENT_TYPES.map((type) => [type, channelOf(type)])),
    operations: Object.fromEntries(EVENT_TYPES.flatMap(operationsOf)),
    components: { messages: Object.fromEntries(EVENT_TYPES.map((type) => [type, messageOf(type)])) },
    'x-jetstream': { streams: STREAMS },
  };
}

function channelOf(type: EventType): JsonSchema {
  return {
    address: type,
    messages: { [type]: { $ref: `#/components/messages/${type}` } },
    'x-stream': streamOf(type),
    'x-terminal': definitionOf(type).terminal,
  };
}

function operationsOf(type: EventType): [string, JsonSchema][] {
  const channel = { $ref: `#/channels/${type}` };
  const { publishers, consumers } = PARTIES[type];
  return [
    [`publish ${type}`, { action: 'send', channel, summary: `Published by: ${publishers.join(', ')}` }],
    ...(consumers.length === 0
      ? []
      : [
          [`consume ${type}`, { action: 'receive', channel, summary: `Consumed by: ${consumers.join(', ')}` }] as [
            string,
            JsonSchema,
          ],
        ]),
  ];
}

function messageOf(type: EventType): JsonSchema {
  return {
    name: type,
    contentType: 'application/json',
    headers: {
      type: 'object',
      properties: {
        'Nats-Msg-Id': { type: 'string', description: "The event's id" },
        traceparent: { type: 'string', description: 'W3C trace context' },
      },
    },
    payload: {
      type: 'object',
      required: ['specversion', 'id', 'source', 'type', 'time', 'dataschema', 'data'],
      properties: {
        specversion: { const: '1.0' },
        id: { type: 'string', minLength: 1 },
        source: { type: 'string', minLength: 1 },
        type: { const: type },
        subject: { type: 'string' },
        time: { type: 'string', format: 'date-time' },
        datacontenttype: { const: 'application/json' },
        dataschema: { const: dataSchemaOf(type) },
        traceparent: { type: 'string' },
        data: jsonSchemaOf(definitionOf(type).contract),
      },
    },
  };
}
