import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { constants, zstdCompress, zstdDecompress } from 'node:zlib';
import { HozenError, type EncryptionSpec, type SigningSpec } from '@hozen/contracts';
import type { ByteSource } from '../artefact/byte-source.js';
import type { ByteSink } from '../artefact/member-writer.js';
import { isSigned, signerOf } from '../artefact/signature.js';
import { DecryptingSource } from '../encryption/decrypting-source.js';
import { AgeSink } from '../encryption/encrypting-sink.js';
import { byIdentityOf } from '../encryption/file-key.js';
import { openPayload } from '../encryption/payload.js';
import { LARGEST_SEGMENT, type WalSource } from './wal-source.js';

/**
 * Stands at the beginning, as a frame of zstd that every zstd skips. After it comes one frame with the file, or that
 * encrypted with age.
 */
export const HEADER_BYTES = 1024;
const SKIPPED_MAGIC = 0x184d2a50;
const SKIPPED = 8;

/** The first line of the header; the second one is its signature, where there is one. */
export interface ArchivedHeader {
  format: 'hozen-wal-file';
  version: 1;
  name: string;
  systemIdentifier: string;
  /** Of the file itself. */
  bytes: number;
  sha256: string;
  /** Of what follows the header. */
  stored: { bytes: number; sha256: string };
  encryption?: 'age-v1';
  archivedAt: string;
}

/** How a config keeps its WAL. */
export interface Sealing {
  level: number;
  encryption?: EncryptionSpec | undefined;
  signing?: SigningSpec | undefined;
}

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

/** @throws HozenError SECRET_UNAVAILABLE, SIGNING_KEY_WRONG */
export async function pack(
  { name: { name }, content }: WalSource,
  systemIdentifier: string,
  { level, encryption, signing }: Sealing,
): Promise<Buffer> {
  const params = { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 1 };
  const packed = await compress(content, { params });
  const stored = encryption ? await encrypted(packed, encryption.recipients) : packed;
  const header: ArchivedHeader = {
    format: 'hozen-wal-file',
    version: 1,
    name,
    systemIdentifier,
    bytes: content.length,
    sha256: sha256(content),
    stored: { bytes: stored.length, sha256: sha256(stored) },
    ...(encryption ? { encryption: 'age-v1' as const } : {}),
    archivedAt: new Date().toISOString(),
  };
  const text = JSON.stringify(header);
  const signature = signing ? (await signerOf(signing))(text).toString('base64') : '';
  const frame = Buffer.alloc(HEADER_BYTES, ' ');
  frame.writeUInt32LE(SKIPPED_MAGIC, 0);
  frame.writeUInt32LE(HEADER_BYTES - SKIPPED, 4);
  frame.write(`${text}\n${signature}\n`, SKIPPED);
  frame.write('\n', HEADER_BYTES - 1);
  return Buffer.concat([frame, stored]);
}

/**
 * What an archived file says of itself, once signature, length and checksum are found right. No private key is needed.
 * @throws HozenError ARTEFACT_CORRUPT, SIGNATURE_MISSING, SIGNATURE_WRONG
 */
export function inspect(archived: Buffer, path: string, signing: SigningSpec | undefined): ArchivedHeader {
  const header = headerOf(archived, path, signing);
  const stored = archived.subarray(HEADER_BYTES);
  if (stored.length !== header.stored.bytes) {
    throw corrupt(path, `it has ${stored.length} bytes instead of ${header.stored.bytes}`);
  }
  if (sha256(stored) !== header.stored.sha256) throw corrupt(path, 'the checksum is wrong');
  return header;
}

/** The file itself. @throws HozenError as {@link inspect}, and IDENTITY_MISSING, IDENTITY_WRONG, SECRET_UNAVAILABLE */
export async function unpack(
  archived: Buffer,
  path: string,
  { encryption, signing }: Pick<Sealing, 'encryption' | 'signing'>,
): Promise<{ header: ArchivedHeader; content: Buffer }> {
  const header = inspect(archived, path, signing);
  const stored = archived.subarray(HEADER_BYTES);
  try {
    const packed = header.encryption ? await decrypted(stored, path, encryption) : stored;
    const content = await decompress(packed, { maxOutputLength: Math.max(1, Math.min(header.bytes, LARGEST_SEGMENT)) });
    if (content.length !== header.bytes || sha256(content) !== header.sha256)
      throw new RangeError('it is another file');
    return { header, content };
  } catch (error) {
    if (error instanceof HozenError) throw error;
    throw corrupt(path, error instanceof Error ? error.message : String(error), error);
  }
}

function headerOf(archived: Buffer, path: string, signing: SigningSpec | undefined): ArchivedHeader {
  if (archived.length < HEADER_BYTES || archived.readUInt32LE(0) !== SKIPPED_MAGIC) throw corrupt(path, 'no header');
  const [text = '', signature = ''] = archived.toString('utf8', SKIPPED, HEADER_BYTES).split('\n');
  if (signing) {
    if (signature.trim() === '') throw new HozenError('SIGNATURE_MISSING', { path });
    if (!isSigned(text, Buffer.from(signature, 'base64'), signing)) throw new HozenError('SIGNATURE_WRONG', { path });
  }
  const header = parsed(text, path);
  const { format, version, name, systemIdentifier, bytes, sha256: sum, stored } = header;
  const isKnown = format === 'hozen-wal-file' && version === 1 && Number.isSafeInteger(bytes) && bytes >= 0;
  if (!isKnown || [name, systemIdentifier, sum, stored?.sha256].some((each) => typeof each !== 'string')) {
    throw corrupt(path, 'the header is of an unknown form');
  }
  return header;
}

function parsed(text: string, path: string): ArchivedHeader {
  try {
    return JSON.parse(text) as ArchivedHeader;
  } catch (error) {
    throw corrupt(path, 'the header cannot be read', error);
  }
}

async function encrypted(plain: Buffer, recipients: readonly string[]): Promise<Buffer> {
  const pieces: Buffer[] = [];
  const memory: ByteSink = {
    write: (bytes) => {
      pieces.push(Buffer.from(bytes));
      return Promise.resolve();
    },
    finish: () => Promise.resolve({ bytes: 0, sha256: '' }),
    abort: () => Promise.resolve(),
  };
  const sink = await AgeSink.over(memory, recipients);
  await sink.write(plain);
  await sink.finish();
  return Buffer.concat(pieces);
}

async function decrypted(sealed: Buffer, path: string, encryption: EncryptionSpec | undefined): Promise<Buffer> {
  const find = byIdentityOf(encryption, path);
  if (!find) throw new HozenError('IDENTITY_MISSING', { path });
  const memory: ByteSource = {
    size: sealed.length,
    piece: sealed.length,
    readInto: (buffer, offset) => Promise.resolve(sealed.copy(buffer, 0, offset)),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  const source = new DecryptingSource(memory, await openPayload(memory, find));
  const plain = Buffer.allocUnsafe(source.size);
  await source.readInto(plain, 0);
  return plain;
}

export function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function corrupt(path: string, what: string, cause?: unknown): HozenError {
  return new HozenError('ARTEFACT_CORRUPT', { path, what }, { cause });
}
