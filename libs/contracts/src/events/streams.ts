/**
 * JetStream streams. Limits retention: each service has its own durable consumer and its own position. Work-queue
 * retention is not used: most sequence faults of nats-server appear when such a stream runs empty.
 */
export interface StreamDefinition {
  name: string;
  subjects: readonly string[];
  /** Days a message is kept. PostgreSQL is the truth; the stream only has to outlive the longest outage of a consumer. */
  maxAgeDays: number;
}

export const STREAMS = [
  { name: 'BACKUP', subjects: ['backup.>'], maxAgeDays: 7 },
  { name: 'RESTORE', subjects: ['restore.>'], maxAgeDays: 7 },
  { name: 'VERIFICATION', subjects: ['verification.>'], maxAgeDays: 7 },
  { name: 'STORAGE', subjects: ['storage.>'], maxAgeDays: 7 },
  { name: 'MAINTENANCE', subjects: ['maintenance.>'], maxAgeDays: 7 },
  { name: 'DEADLETTER', subjects: ['deadletter.>'], maxAgeDays: 30 },
] as const satisfies readonly StreamDefinition[];

/** Subject under which a message that a service could not accept is kept: `deadletter.<service>.<subject>`. */
export function deadLetterSubject(service: string, subject: string): string {
  return `deadletter.${service}.${subject}`;
}

/** The stream that holds a subject. */
export function streamOf(subject: string): string {
  const domain = subject.split('.', 1)[0];
  const stream = STREAMS.find((each) => each.subjects.some((pattern) => pattern.split('.', 1)[0] === domain));
  if (!stream) throw new Error(`no stream carries the subject ${subject}; add it to STREAMS`);
  return stream.name;
}
