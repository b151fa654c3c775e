/**
 * An event on the wire: CloudEvents 1.0 attribute names, structured mode, JSON.
 * Source: CloudEvents 1.0.2 §3; `traceparent` after W3C Trace Context, as CloudEvents' distributed tracing extension.
 */
export interface Envelope<Data extends object = object> {
  specversion: '1.0';
  /** Unique for ever; also the `Nats-Msg-Id`. A handler that has seen it does nothing. */
  id: string;
  /** Who says it: `hozen/<service>`, or whatever a foreign publisher puts there. */
  source: string;
  /** The event's type, equal to its NATS subject: `backup.requested`. */
  type: string;
  /** What it is about: the run id, where there is one. */
  subject?: string;
  /** RFC 3339, UTC. */
  time: string;
  datacontenttype: 'application/json';
  /** Name and major version of the contract: `hozen:backup.requested:v1`. */
  dataschema: string;
  traceparent?: string;
  data: Data;
}

/** What stands in for the envelope's attributes when a publisher sent bare data. */
export interface MessageFacts {
  id: string;
  time: string;
  source: string;
  traceparent?: string | undefined;
}
