import { logger } from '@hozen/telemetry';

/** What C functions take here: pointers and numbers. */
export type NativeArgument = Buffer | bigint | number;

/** A C function that runs in the thread pool and gives a number. */
export type Native = (...args: NativeArgument[]) => Promise<number>;

export interface NativeLibrary {
  /** Where a buffer lies. It must be kept until the library is done with it. */
  address(buffer: Buffer): bigint;
  /** A function that is over at once. @param signature its declaration in C */
  call(signature: string): (...args: NativeArgument[]) => unknown;
  threaded(signature: string): Native;
}

/**
 * Loads a shared library of the system.
 * @param file as the linker names it; `packageName` is Debian's
 * @returns undefined where it is not installed, or where there is no binding for this machine: Node's own codecs do the
 * work then, more slowly
 */
export async function loadLibrary(file: string, packageName: string): Promise<NativeLibrary | undefined> {
  try {
    const { default: koffi } = await import('koffi');
    // Node carries some of these libraries itself, in other versions, and its functions would be called in the middle of theirs.
    const library = koffi.load(file, { deep: true });
    return {
      address: (buffer) => koffi.address(buffer),
      call: (signature) => library.func(signature),
      threaded: (signature) => {
        const native = library.func(signature);
        return (...args) =>
          new Promise((resolve, reject) => {
            native.async(...args, (error: Error | null, result: number) => {
              if (error) reject(error);
              else resolve(result);
            });
          });
      },
    };
  } catch (error) {
    logger('artefact').info({ err: error }, `${file} (package ${packageName}) is not there: compression is slower`);
    return undefined;
  }
}
