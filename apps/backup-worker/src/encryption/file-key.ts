import { resolveSecret } from '@hozen/access';
import { ageRecipientKey, HozenError, type EncryptionSpec } from '@hozen/contracts';
import type { AgeHeader } from './age-header.js';
import { identitiesIn, unwrap } from './recipients.js';

/** Finds the key of an age file. @throws HozenError IDENTITY_WRONG, SECRET_UNAVAILABLE */
export type FindFileKey = (header: AgeHeader) => Promise<Buffer>;

/**
 * By the identity of a config.
 * @param path for errors
 * @returns undefined where there is none
 */
export function byIdentityOf(encryption: EncryptionSpec | null | undefined, path: string): FindFileKey | undefined {
  const reference = encryption?.identity;
  if (reference === undefined) return undefined;
  return async (header) => {
    const fileKey = unwrap(header, identitiesIn(await resolveSecret(reference)));
    if (!fileKey) throw new HozenError('IDENTITY_WRONG', { path });
    return fileKey;
  };
}

/**
 * Looks before a backup is made whether the identity of the config, where it has one, will be able to read it.
 * @throws HozenError IDENTITY_WRONG, SECRET_UNAVAILABLE
 */
export async function ensureIdentityFits({ identity, recipients }: EncryptionSpec, path: string): Promise<void> {
  if (identity === undefined) return;
  const shares = identitiesIn(await resolveSecret(identity)).map(({ share }) => share);
  const fits = recipients.some((each) =>
    shares.some((share) => share.equals(ageRecipientKey(each) ?? Buffer.alloc(0))),
  );
  if (!fits) throw new HozenError('IDENTITY_WRONG', { path });
}
