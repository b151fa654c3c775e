import { resolveSecret } from '@hozen/access';
import { ageRecipientKey, HozenError, type TriedRecipient } from '@hozen/contracts';
import { identitiesIn } from '../encryption/recipients.js';
import type { BackupJob } from '../job.js';
import { chainOf } from '../restore/chain.js';
import type { RestoreSource } from '../restores/find-source.js';
import type { Leased } from '../runs/under-lease.js';
import { publishedArtefact } from '../storage/committed-artefact.js';
import { checkArtefact } from '../verification/check-artefact.js';

/**
 * Decrypts a backup with a key other than that of every day, and all that it builds on: every byte is authenticated, unpacked, and its
 * sums are checked.
 * @param identity reference to the private key
 * @returns who can read it, and whose key that was
 * @throws HozenError IDENTITY_WRONG, NOT_ENCRYPTED and SECRET_UNAVAILABLE, which say nothing of the backup; ARTEFACT_CORRUPT and others
 */
export async function tryKey(
  job: BackupJob,
  source: RestoreSource,
  identity: string,
  about: Leased,
): Promise<TriedRecipient[]> {
  const encryption = { recipients: source.encryption?.recipients ?? [], identity };
  const artefact = await publishedArtefact(source.path, { ...source, encryption });
  const chain = await chainOf(artefact, { encryption, ...(source.signing ? { signing: source.signing } : {}) });
  for (const { manifest, path } of chain) if (!manifest.encryption) throw new HozenError('NOT_ENCRYPTED', { path });
  for (const each of chain) await checkArtefact(job, each, about);
  const shares = identitiesIn(await resolveSecret(identity)).map(({ share }) => share);
  const isTried = (recipient: string) => shares.some((share) => share.equals(ageRecipientKey(recipient) ?? NONE));
  const recipients = artefact.manifest.encryption?.recipients ?? [];
  return recipients.map((recipient) => ({ recipient, tried: isTried(recipient) }));
}

const NONE = Buffer.alloc(0);
