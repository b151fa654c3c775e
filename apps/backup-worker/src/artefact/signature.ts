import { createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import { resolveSecret } from '@hozen/access';
import { HozenError, type SigningSpec } from '@hozen/contracts';

/** Of an Ed25519 signature, raw. */
export const SIGNATURE_BYTES = 64;

/**
 * Signs with the key of a config.
 * @throws HozenError SECRET_UNAVAILABLE; SIGNING_KEY_WRONG when it is no Ed25519 key, or its public half is not believed
 */
export async function signerOf({ key, publicKeys }: SigningSpec): Promise<(text: string) => Buffer> {
  const secret = privateKey(await resolveSecret(key), key);
  const own = createPublicKey(secret);
  if (!publicKeys.some((each) => createPublicKey(each).equals(own))) {
    throw new HozenError('SIGNING_KEY_WRONG', { reference: key }, { detail: 'its public key is not in publicKeys' });
  }
  return (text) => sign(null, Buffer.from(text), secret);
}

/** True when one of the public keys made the signature. */
export function isSigned(text: string, signature: Buffer, { publicKeys }: SigningSpec): boolean {
  return publicKeys.some((key) => verify(null, Buffer.from(text), createPublicKey(key), signature));
}

function privateKey(pem: string, reference: string): KeyObject {
  let key: KeyObject | undefined;
  try {
    key = createPrivateKey(pem);
  } catch {
    // The message of OpenSSL could tell something of the key.
  }
  if (key?.asymmetricKeyType === 'ed25519') return key;
  throw new HozenError('SIGNING_KEY_WRONG', { reference }, { detail: 'it is no Ed25519 private key in PEM' });
}
