import { createPrivateKey, createPublicKey, diffieHellman, generateKeyPairSync, type KeyObject } from 'node:crypto';

/** DER around a raw key (RFC 8410): node:crypto takes no raw ones. */
const PUBLIC_PREFIX = Buffer.from('302a300506032b656e032100', 'hex');
const PRIVATE_PREFIX = Buffer.from('302e020100300506032b656e04220420', 'hex');
const KEY_BYTES = 32;

export interface KeyPair {
  secret: KeyObject;
  /** 32 bytes. */
  share: Buffer;
}

export function newKeyPair(): KeyPair {
  return pairOf(generateKeyPairSync('x25519').privateKey);
}

/** @param raw 32 bytes */
export function keyPairFrom(raw: Uint8Array): KeyPair {
  const key = Buffer.concat([PRIVATE_PREFIX, raw]);
  return pairOf(createPrivateKey({ key, format: 'der', type: 'pkcs8' }));
}

/** @throws Error where the share is a point of low order: then the secret would be known to everybody */
export function sharedSecret(privateKey: KeyObject, share: Uint8Array): Buffer {
  const key = Buffer.concat([PUBLIC_PREFIX, share]);
  return diffieHellman({ privateKey, publicKey: createPublicKey({ key, format: 'der', type: 'spki' }) });
}

function pairOf(secret: KeyObject): KeyPair {
  const share = createPublicKey(secret).export({ format: 'der', type: 'spki' }).subarray(-KEY_BYTES);
  return { secret, share };
}
