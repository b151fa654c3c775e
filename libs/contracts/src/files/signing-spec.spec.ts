import { generateKeyPairSync } from 'node:crypto';
import { expect, it } from 'vitest';
import { validate } from '../events/validation.js';
import { ConfigSpec } from './config-spec.js';

const pem = (type: 'ed25519' | 'x25519') => {
  const { privateKey, publicKey } = type === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('x25519');
  return {
    secret: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
    open: publicKey.export({ format: 'pem', type: 'spki' }).toString(),
  };
};
const check = (signing: unknown) =>
  validate(ConfigSpec, { name: 'n', target: 't', storage: { kind: 'file', path: '/x' }, signing });

it('the signing of a config is a reference to a key, and whose signatures are believed', () => {
  const keys = [pem('ed25519').open, pem('ed25519').open.trim()];
  expect(check({ key: 'env:KEY', publicKeys: keys }).ok).toBe(true);
  for (const publicKeys of [[], undefined, ['x'], [pem('x25519').open], [pem('ed25519').secret]]) {
    expect(check({ key: 'env:KEY', publicKeys }).ok).toBe(false);
  }
});

it('a key that was put in the wrong place is not shown', () => {
  const { secret } = pem('ed25519');
  const result = check({ key: secret, publicKeys: [secret] });
  expect(result.ok ? [] : result.reasons.map(({ field }) => field)).toEqual(['signing.key', 'signing.publicKeys']);
  expect(JSON.stringify(result)).not.toContain(secret.split('\n')[1]);
});
