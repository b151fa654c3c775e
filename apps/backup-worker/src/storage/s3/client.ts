import { readFileSync } from 'node:fs';
import { S3Client } from '@aws-sdk/client-s3';
import { resolveSecret } from '@hozen/access';
import type { S3AccessSpec } from '@hozen/contracts';

/** Requests are repeated so often, with growing pauses, before an attempt fails: storms of 503 are everyday life. */
const ATTEMPTS = 6;
const CONNECT_MS = 10_000;
/** Secrets are read again so often: somebody may have changed them. */
const CREDENTIALS_MS = 300_000;

/** One client for each storage: it keeps connections open. */
const clients = new Map<string, S3Client>();

export function clientOf(spec: S3AccessSpec): S3Client {
  const key = JSON.stringify(spec);
  const client = clients.get(key) ?? newClient(spec);
  clients.set(key, client);
  return client;
}

function newClient(spec: S3AccessSpec): S3Client {
  const checksums = spec.checksums ?? (spec.endpoint === undefined ? 'when-supported' : 'when-required');
  const mode = checksums === 'when-supported' ? 'WHEN_SUPPORTED' : 'WHEN_REQUIRED';
  return new S3Client({
    region: spec.region,
    forcePathStyle: spec.pathStyle ?? spec.endpoint !== undefined,
    requestChecksumCalculation: mode,
    responseChecksumValidation: mode,
    maxAttempts: ATTEMPTS,
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      socketTimeout: spec.stallSeconds * 1000,
      ...(spec.caFile === undefined ? {} : { httpsAgent: { ca: readFileSync(spec.caFile), keepAlive: true } }),
    },
    ...(spec.endpoint === undefined ? {} : { endpoint: spec.endpoint }),
    ...credentialsOf(spec),
  });
}

function credentialsOf({ accessKey, secretKey, sessionToken }: S3AccessSpec) {
  if (accessKey === undefined || secretKey === undefined) return {};
  return {
    credentials: async () => ({
      accessKeyId: await resolveSecret(accessKey),
      secretAccessKey: await resolveSecret(secretKey),
      ...(sessionToken === undefined ? {} : { sessionToken: await resolveSecret(sessionToken) }),
      expiration: new Date(Date.now() + CREDENTIALS_MS),
    }),
  };
}
