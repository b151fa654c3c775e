import { expect, it } from 'vitest';
import type { PaxMember } from '../pipeline/pax-member.js';
import { PaxReader } from '../pipeline/pax-reader.js';
import { paxHeader, type PaxEntry } from './pax-header.js';

const PLAIN: PaxEntry = { path: './a', type: 'folder', size: 0, mode: 0o640, uid: 1, gid: 2, modifiedAt: 1_000 };

async function read(entry: PaxEntry): Promise<PaxMember | undefined> {
  let found: PaxMember | undefined;
  const reader = new PaxReader({
    member: (member) => (found = member),
    content: () => undefined,
    memberEnd: () => undefined,
  });
  await reader.push(paxHeader(entry));
  return found;
}

it.each<Partial<PaxEntry>>([
  {},
  { path: `./${'n'.repeat(3_000)}` },
  // Their records are as long as makes one more digit of their length.
  ...[87, 88, 89, 90, 91, 986, 987, 988, 989, 990].map((length) => ({ path: `./é${'n'.repeat(length)}` })),
  { path: './line\nfeed \x01', modifiedAt: 1_234_567_890_123 },
  { path: Buffer.from('./契約').toString('latin1'), uid: 4_000_000_000, gid: 3_000_000 },
  { type: 'file', size: 9_000_000_000_000, modifiedAt: -1_500 },
])('the header of an entry is read as what it was written as: %j', async (change) => {
  const entry = { ...PLAIN, ...change };
  const { path, type, size, mode, uid, gid, modifiedAt } = entry;
  expect(await read(entry)).toMatchObject({
    path,
    type,
    size,
    mode,
    uid,
    gid,
    modifiedAt: BigInt(modifiedAt) * 1_000_000n,
  });
});
