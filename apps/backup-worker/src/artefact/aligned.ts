import { loadAddress } from './native-libraries.js';

/** What direct I/O begins and ends at, in files and on their disks. */
export const ALIGNMENT = 4096;

/** Takes new memory that begins at a multiple of {@link ALIGNMENT}, where that can be found out here. */
export type AlignedMemory = (bytes: number) => Buffer;

let loading: Promise<AlignedMemory> | undefined;

export function loadAlignedMemory(): Promise<AlignedMemory> {
  return (loading ??= load());
}

async function load(): Promise<AlignedMemory> {
  const addressOf = await loadAddress();
  if (!addressOf) return (bytes) => Buffer.allocUnsafeSlow(bytes);
  return (bytes) => {
    const memory = Buffer.allocUnsafeSlow(bytes + ALIGNMENT);
    const beyond = Number(addressOf(memory) % BigInt(ALIGNMENT));
    const from = beyond === 0 ? 0 : ALIGNMENT - beyond;
    return memory.subarray(from, from + bytes);
  };
}
