import { Readable } from 'node:stream';
import { HozenError } from '@hozen/contracts';
import { runTool } from '@hozen/dbms';
import { damaged, type ArtefactFile } from '../../artefact/artefact-file.js';
import { findTar } from '../../methods/files/check-target.js';
import { TREE } from '../../methods/files/copy-tree.js';
import { isInside } from '../../methods/files/listing.js';
import { PaxReader, type PaxTaker } from '../../pipeline/pax-reader.js';

export interface Unpacking {
  directory: string;
  signal: AbortSignal;
  onBytes: (bytes: number) => void;
}

/** What the user of the worker could not set. */
export interface NotSet {
  owners: boolean;
  devices: boolean;
  /** The file system has no access control lists or extended attributes. */
  attributes: boolean;
}

/** One path or more could not be made as they are in the archive. Which ones, a comparison finds out. */
const SOME_FAILED = 2;
const DISK_FULL = /: (?:Cannot write|Wrote only .*|.*): (?:No space left on device|Disk quota exceeded)/;
const NO_ATTRIBUTES =
  /(?:extended attribute|ACL|acl|xattr)[^\n]*: (?:Operation not supported|Function not implemented)/;
const NOT_DONE = /: Unexpected EOF|does not look like a tar archive|: Input\/output error|: Read-only file system/;

/**
 * Has tar unpack the tree of one backup into a folder, over what is there.
 * @throws HozenError ARTEFACT_CORRUPT, DISK_FULL, TOOL_MISSING, TOOL_FAILED, of the STORAGE_ codes
 */
export async function unpackTree(file: ArtefactFile, { directory, signal, onBytes }: Unpacking): Promise<NotSet> {
  const { path } = await findTar();
  const isRoot = process.getuid?.() === 0;
  const args = [
    '--extract',
    '--file=-',
    `--directory=${directory}`,
    '--preserve-permissions',
    isRoot ? '--same-owner' : '--no-same-owner',
    '--numeric-owner',
    '--acls',
    '--xattrs',
    `--xattrs-include=${isRoot ? '*' : 'user.*'}`,
    '--delay-directory-restore',
  ];
  const stdin = Readable.from(checkedBytes(file, onBytes));
  const { stderr } = await runTool({ path, args, stdin, stdout: 'ignore', goodExits: [SOME_FAILED], signal }).done;
  if (DISK_FULL.test(stderr)) throw new HozenError('DISK_FULL', { path: directory }, { detail: stderr });
  if (NOT_DONE.test(stderr)) throw new HozenError('STORAGE_IO', { path: directory }, { detail: stderr });
  return {
    owners: !isRoot || /Cannot change ownership/.test(stderr),
    devices: /Cannot mknod/.test(stderr),
    attributes: NO_ATTRIBUTES.test(stderr),
  };
}

/** No path gets to tar that leads out of the folder. */
class InsideOnly implements PaxTaker {
  member({ path, type, target }: Parameters<PaxTaker['member']>[0]): void {
    if (!isInside(path) || (type === 'hard-link' && !isInside(target))) {
      throw new RangeError('a path in it leads out of the folder');
    }
  }

  content(): void {
    // What is in a file does not matter here.
  }

  memberEnd(): undefined {
    return undefined;
  }
}

async function* checkedBytes(file: ArtefactFile, onBytes: Unpacking['onBytes']): AsyncGenerator<Buffer> {
  const reader = new PaxReader(new InsideOnly());
  try {
    for await (const bytes of file.read(file.stream(TREE))) {
      await reader.push(bytes);
      onBytes(bytes.length);
      yield bytes;
    }
    reader.end();
  } catch (error) {
    throw damaged(file.path, TREE, error);
  }
}
