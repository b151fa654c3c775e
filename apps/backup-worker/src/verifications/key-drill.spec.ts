import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import {
  BackupConfiguration,
  EncryptionSpec,
  newEvent,
  requireValid,
  type VerificationRequested,
} from '@hozen/contracts';
import { logger } from '@hozen/telemetry';
import { tempDir, TestPostgres, type TempDir } from '@hozen/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BackupSeries } from '../backup-series.fixture.js';
import { applyConfiguration } from '../configs/apply-configuration.js';
import { newIdentity } from '../encryption/age.fixture.js';
import { BackupStore } from '../spec-support/backup-store.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { acceptVerification } from './accept-verification.js';
import { claimVerification } from './claim-verification.js';
import { executeVerification } from './execute-verification.js';
import { findVerification } from './list-verifications.js';

const [usual, escrow, stranger] = [newIdentity(), newIdentity(), newIdentity()];
const recipients = [usual.recipient, escrow.recipient];

let store: BackupStore;
let server: TestPostgres;
let folder: TempDir;
let full: CommittedArtefact;
let increment: CommittedArtefact;
let plain: CommittedArtefact;

beforeAll(async () => {
  folder = await tempDir();
  [store, server] = await Promise.all([BackupStore.start(), TestPostgres.start()]);
  const encrypted = new BackupSeries(server.address(), folder.path, ({ config }) => {
    config.encryption = Object.assign(new EncryptionSpec(), { recipients, identity: `file:${folder.join('usual')}` });
  });
  for (const [name, { secret }] of Object.entries({ usual, escrow, stranger }))
    await writeFile(folder.join(name), secret);
  full = (await encrypted.make('full')).artefact;
  increment = (await encrypted.make('incremental')).artefact;
  plain = (await new BackupSeries(server.address(), folder.join('plain')).make('full')).artefact;
  // The key of every day is not where the config says: nothing here may need it.
  const identity = `file:${folder.join('nowhere')}`;
  const wanted = requireValid(BackupConfiguration, {
    targets: [{ name: 'shop', kind: 'postgres', host: 'shop.example.org' }],
    configs: [
      {
        name: 'files',
        target: 'shop',
        method: 'postgres-physical',
        storage: { kind: 'file', path: folder.path },
        encryption: { recipients, identity },
      },
    ],
  });
  await store.database.transaction((manager) => applyConfiguration(manager, wanted, false));
}, 60_000);
afterAll(async () => {
  await Promise.all([store, server, folder].map((each) => each?.[Symbol.asyncDispose]()));
});
async function forget(): Promise<void> {
  await store.database.query('TRUNCATE backup_runs, backup_artefacts, verifications, outbox CASCADE');
}
beforeEach(forget);

const keyOf = (name: string) => ({ kind: 'key' as const, identity: `file:${folder.join(name)}` });

async function verified(artefact: CommittedArtefact, data: Partial<VerificationRequested>, tries = 1) {
  await forget();
  await store.completed('files', artefact);
  const event = newEvent('verification.requested', { config: 'files', ...data }, { source: 'spec', id: randomUUID() });
  expect(await store.outbox.transaction((tx) => acceptVerification(tx, event))).toEqual([]);
  const log = logger('spec');
  log.level = 'silent';
  const { database, outbox } = store;
  const context = { database, outbox, log, spoolRoot: folder.join('spool'), shutdown: new AbortController().signal };
  for (let n = 0; n < tries; n++) {
    const row = await claimVerification(database, 'spec');
    if (!row) throw new Error('there is nothing to claim');
    await executeVerification(row, performance.now(), context);
  }
  return findVerification(database, event.id);
}

/** Turns one byte around and gives it back afterwards. */
async function damaged<T>({ path, bytes }: CommittedArtefact, work: () => Promise<T>): Promise<T> {
  const pristine = await readFile(path);
  const other = Buffer.from(pristine);
  const at = Math.floor(bytes / 2);
  other.writeUInt8(other.readUInt8(at) ^ 1, at);
  await writeFile(path, other);
  try {
    return await work();
  } finally {
    await writeFile(path, pristine);
  }
}

describe('a drill of keys', () => {
  it('opens a backup and what it builds on with the key that is kept elsewhere, and says who can read it', async () => {
    const view = await verified(increment, keyOf('escrow'));
    expect(view).toMatchObject({
      state: 'completed',
      kind: 'key',
      identity: `file:${folder.join('escrow')}`,
      proof: { level: 'checksum' },
      recipients: [
        { recipient: usual.recipient, tried: false },
        { recipient: escrow.recipient, tried: true },
      ],
    });
    const [told] = await store.database.query<{ body: { data: object } }[]>(
      `SELECT body FROM outbox WHERE subject = 'verification.completed'`,
    );
    expect(told?.body.data).toMatchObject({ recipients: view.recipients });
    expect(JSON.stringify(told)).not.toContain('AGE-SECRET-KEY');
  });

  it('holds nothing against a backup whose key is another one, is not there, or is not needed', async () => {
    const unknown = (code: string) => ({ state: 'failed', verdict: 'unknown', error: { code } });
    expect(await verified(full, keyOf('stranger'))).toMatchObject(unknown('IDENTITY_WRONG'));
    expect(await verified(full, keyOf('nowhere'))).toMatchObject(unknown('SECRET_UNAVAILABLE'));
    expect(await verified(plain, keyOf('escrow'))).toMatchObject(unknown('NOT_ENCRYPTED'));
    expect(await store.database.query('SELECT FROM backup_artefacts WHERE bad_since IS NOT NULL')).toEqual([]);
  });

  it('finds a byte that was changed, in what the backup builds on too, and looks twice', async () => {
    const view = await damaged(full, () => verified(increment, keyOf('escrow'), 2));
    expect(view).toMatchObject({ state: 'failed', verdict: 'bad', attempt: 2, error: { code: 'ARTEFACT_CORRUPT' } });
  });

  it('needs a key, and nothing else takes one', async () => {
    await store.completed('files', full);
    for (const data of [{ kind: 'key' as const }, { kind: 'full' as const, identity: 'env:KEY' }]) {
      const event = newEvent(
        'verification.requested',
        { config: 'files', ...data },
        { source: 'spec', id: randomUUID() },
      );
      const reasons = await store.outbox.transaction((tx) => acceptVerification(tx, event));
      expect(reasons.map(({ field }) => field)).toEqual(['identity']);
    }
  });
});
