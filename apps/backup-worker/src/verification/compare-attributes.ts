import { Readable } from 'node:stream';
import { findTar } from '../methods/files/check-target.js';
import { toBytes, toText, type ByteText } from '../methods/files/byte-text.js';
import type { ListedEntry } from '../methods/files/listing.js';
import { tarArguments } from '../methods/files/run-tar.js';
import type { FileAttributes, PaxMember } from '../pipeline/pax-member.js';
import { PaxReader } from '../pipeline/pax-reader.js';
import { runInto } from '../pipeline/pour.js';

/**
 * Compares the access control lists and extended attributes of a restored tree with its listing: tar, which has set them,
 * is asked what it would store of the paths that have any.
 * @returns what differs; paths that are missing are none of it
 */
export async function compareAttributes(
  directory: string,
  listing: AsyncIterable<ListedEntry>,
  signal: AbortSignal,
): Promise<string[]> {
  const { path } = await findTar();
  const wanted: { path: ByteText; attributes: FileAttributes }[] = [];
  const differences: string[] = [];
  const member = (found: PaxMember) => {
    // What tar cannot find any more it leaves out.
    for (let next = wanted.shift(); next; next = wanted.shift()) {
      if (next.path !== found.path) continue;
      const what = differenceOf(next.attributes, found.attributes ?? {});
      if (what !== undefined) differences.push(`${JSON.stringify(toText(next.path.slice(2)))}: ${what}`);
      return;
    }
  };
  const reader = new PaxReader({ member, content: () => undefined, memberEnd: () => undefined });
  const names = async function* (): AsyncGenerator<Buffer> {
    for await (const { path: name, attributes } of listing) {
      if (!attributes) continue;
      wanted.push({ path: name, attributes });
      yield toBytes(`${name}\0`);
    }
  };
  const run = { path, args: tarArguments(directory), stdin: Readable.from(names()), goodExits: [1], signal };
  await runInto(run, (chunk) => reader.push(chunk));
  return differences;
}

/** Only root may set all of them. */
function differenceOf(be: FileAttributes, is: FileAttributes): string | undefined {
  const isRoot = process.getuid?.() === 0;
  if (be.acl !== is.acl) return 'its access control list differs';
  if (be.user !== is.user || (isRoot && be.trusted !== is.trusted)) return 'its extended attributes differ';
  return undefined;
}
