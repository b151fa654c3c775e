import { AsyncLocalStorage } from 'node:async_hooks';
import { HozenError } from '@hozen/contracts';
import { mayAct, type Identity, type Role } from './token-file.js';

const asking = new AsyncLocalStorage<Identity>();

/** Everything that `work` does is asked for by this person or program. */
export function asIdentity<T>(identity: Identity, work: () => T): T {
  return asking.run(identity, work);
}

/** Who asks; undefined where nobody has a token yet, and everybody who reaches the service may do everything. */
export function currentIdentity(): Identity | undefined {
  return asking.getStore();
}

/** What a request says of who asks gives way to what is known. */
export function asker(claimed: string | undefined): { requestedBy?: string } {
  const name = currentIdentity()?.name ?? claimed;
  return name === undefined ? {} : { requestedBy: name };
}

/** @throws HozenError ROLE_MISSING */
export function requireRole(identity: Identity, needed: Role): void {
  if (!mayAct(identity.role, needed)) {
    throw new HozenError('ROLE_MISSING', { name: identity.name, role: identity.role, needed });
  }
}
