import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { SigningSpec } from '@hozen/contracts';

/** A new key, as OpenSSL writes it, in a file. */
export function newSigning(path: string): SigningSpec {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  writeFileSync(path, privateKey.export({ format: 'pem', type: 'pkcs8' }));
  const publicKeys = [publicKey.export({ format: 'pem', type: 'spki' }).toString()];
  return Object.assign(new SigningSpec(), { key: `file:${path}`, publicKeys });
}
