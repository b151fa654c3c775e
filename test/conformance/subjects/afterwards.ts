/** Something that is done when the block ends. */
export function afterwards(repair: () => Promise<unknown>): AsyncDisposable {
  return {
    async [Symbol.asyncDispose]() {
      await repair();
    },
  };
}
