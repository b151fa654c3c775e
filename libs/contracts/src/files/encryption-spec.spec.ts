import { describe, expect, it } from 'vitest';
import { validate } from '../events/validation.js';
import { ConfigSpec } from './config-spec.js';
import { ageIdentityKey, ageRecipientKey } from './encryption-spec.js';

/** Made by age-keygen for this test alone. */
const RECIPIENT = 'age1es7zcjma7llx82meryl3jhmvs5pzqggj9p9puhy4dngjze6xpdvqhsgv0k';
const OTHER = 'age18vj24fscpzuj5mrvc9zh4m5e8vexfza8z7ffvlsy2my6h5ef6p8steplz7';
const SECRET = 'AGE-SECRET-KEY-1WQDW0NS65YL7QXVM7XK52NGEGW4V5QEJ7S3H8L3QURTD03P6HWUQ60ZLQG';

const check = (encryption: unknown) =>
  validate(ConfigSpec, { name: 'n', target: 't', storage: { kind: 'file', path: '/x' }, encryption });

describe('the encryption of a config', () => {
  it('is one or more recipients, and maybe where an identity is', () => {
    expect(check({ recipients: [RECIPIENT, OTHER], identity: 'file:/etc/hozen/key.txt' }).ok).toBe(true);
    expect(check({ recipients: [RECIPIENT] }).ok).toBe(true);
    expect(check(undefined).ok).toBe(true);
  });

  it('is refused with every fault at once, and never shows a key that was put in the wrong place', () => {
    const result = check({ recipients: [SECRET], identity: SECRET, passphrase: 'x' });
    const reasons = result.ok ? [] : result.reasons;
    expect(reasons.map(({ field }) => field).toSorted()).toEqual([
      'encryption.identity',
      'encryption.passphrase',
      'encryption.recipients',
    ]);
    expect(JSON.stringify(reasons)).not.toContain(SECRET);
  });

  it.each([
    [],
    [RECIPIENT, RECIPIENT],
    [`${RECIPIENT.slice(0, -1)}q`],
    [RECIPIENT.slice(0, -1)],
    [RECIPIENT.replace('age1', 'ago1')],
    [`A${RECIPIENT.slice(1)}`],
    [''],
    [7],
    'age1',
  ])('takes no such recipients: %j', (...recipients) => {
    expect(check({ recipients }).ok).toBe(false);
  });
});

it('any mistyped letter of a key is found', () => {
  expect(ageRecipientKey(RECIPIENT)).toHaveLength(32);
  expect(ageIdentityKey(SECRET)).toHaveLength(32);
  expect(ageRecipientKey(SECRET)).toBeUndefined();
  for (let at = 0; at < RECIPIENT.length; at++) {
    const typed = `${RECIPIENT.slice(0, at)}${RECIPIENT[at] === 'x' ? 'z' : 'x'}${RECIPIENT.slice(at + 1)}`;
    expect(ageRecipientKey(typed)).toBeUndefined();
  }
});
