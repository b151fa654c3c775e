import { HozenError, type SigningSpec } from '@hozen/contracts';
import { readExactly } from '../artefact/byte-source.js';
import { parseManifest, type Manifest } from '../artefact/manifest.js';
import { isSigned, SIGNATURE_BYTES } from '../artefact/signature.js';
import { besides } from './artefact-paths.js';
import type { Storage } from './storage.js';

/**
 * What the manifest of an artefact says, where there is one.
 * @param signing whose signatures are believed; without it none is asked for
 * @throws HozenError ARTEFACT_CORRUPT, of the SIGNATURE_ and of the STORAGE_ codes
 */
export async function readManifest(
  storage: Storage,
  dataPath: string,
  signing: SigningSpec | null | undefined,
): Promise<Manifest | undefined> {
  const { manifest: path, signature } = besides(dataPath);
  const text = await storage.readText(path);
  if (text === undefined) return undefined;
  if (signing && !isSigned(text, await readSignature(storage, signature, path), signing)) {
    throw new HozenError('SIGNATURE_WRONG', { path });
  }
  return parseManifest(text, path);
}

async function readSignature(storage: Storage, path: string, manifest: string): Promise<Buffer> {
  try {
    await using source = await storage.source(path, 'any');
    if (source.size !== SIGNATURE_BYTES) throw new HozenError('SIGNATURE_WRONG', { path: manifest });
    return await readExactly(source, 0, SIGNATURE_BYTES);
  } catch (error) {
    if (!(error instanceof HozenError) || error.code !== 'ARTEFACT_MISSING') throw error;
    throw new HozenError('SIGNATURE_MISSING', { path: manifest }, { cause: error });
  }
}
