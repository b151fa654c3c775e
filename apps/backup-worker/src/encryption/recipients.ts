import { createCipheriv, createDecipheriv } from 'node:crypto';
import { ageIdentityKey, ageRecipientKey, HozenError } from '@hozen/contracts';
import { base64, derive, unbase64, type AgeHeader, type Stanza } from './age-header.js';
import { keyPairFrom, newKeyPair, sharedSecret, type KeyPair } from './x25519.js';

const KIND = 'X25519';
const INFO = 'age-encryption.org/v1/X25519';
const FILE_KEY = 16;
const TAG = 16;
const CIPHER = 'chacha20-poly1305';
/** Each wrapping key is used once. */
const NONCE = Buffer.alloc(12);

/** Wraps the file key so that the owner of `recipient` alone can take it out. */
export function wrapFor(recipient: string, fileKey: Buffer): Stanza {
  const key = ageRecipientKey(recipient);
  if (!key) throw new HozenError('CONFIG_INVALID', {}, { detail: 'a recipient is not an age public key' });
  const { secret, share } = newKeyPair();
  const wrapping = derive(sharedSecret(secret, key), Buffer.concat([share, key]), INFO);
  const cipher = createCipheriv(CIPHER, wrapping, NONCE, { authTagLength: TAG });
  const body = Buffer.concat([cipher.update(fileKey), cipher.final(), cipher.getAuthTag()]);
  return { args: [KIND, base64(share)], body };
}

/** Identities in the text of a key file as age-keygen writes it: one a line, and comments. What is no key is left out. */
export function identitiesIn(text: string): KeyPair[] {
  const keys = text.split('\n').map((line) => ageIdentityKey(line.trim()));
  return keys.flatMap((key) => (key ? [keyPairFrom(key)] : []));
}

/** @returns the file key, where one of the identities is that of a recipient */
export function unwrap({ stanzas }: AgeHeader, identities: readonly KeyPair[]): Buffer | undefined {
  for (const { args, body } of stanzas) {
    if (args[0] !== KIND || args.length !== 2 || body.length !== FILE_KEY + TAG) continue;
    for (const identity of identities) {
      const fileKey = tryUnwrap(unbase64(args[1] ?? ''), body, identity);
      if (fileKey) return fileKey;
    }
  }
  return undefined;
}

function tryUnwrap(share: Buffer, body: Buffer, identity: KeyPair): Buffer | undefined {
  try {
    const wrapping = derive(sharedSecret(identity.secret, share), Buffer.concat([share, identity.share]), INFO);
    const decipher = createDecipheriv(CIPHER, wrapping, NONCE, { authTagLength: TAG });
    decipher.setAuthTag(body.subarray(FILE_KEY));
    return Buffer.concat([decipher.update(body.subarray(0, FILE_KEY)), decipher.final()]);
  } catch {
    // Not for this identity: the tag is how age tells.
    return undefined;
  }
}
