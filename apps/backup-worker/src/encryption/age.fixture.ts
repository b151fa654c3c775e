import { execFileSync } from 'node:child_process';

/** A new pair of keys, made by age itself. */
export function newIdentity(): { recipient: string; secret: string } {
  const secret = execFileSync('age-keygen', { stdio: ['ignore', 'pipe', 'ignore'] }).toString();
  const recipient = /# public key: (age1\S+)/.exec(secret)?.[1];
  if (recipient === undefined) throw new Error('age-keygen said no public key');
  return { recipient, secret };
}
