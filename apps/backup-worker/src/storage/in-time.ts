/** Waits for `work` so many milliseconds and no longer; what becomes of it later is nobody's concern. @throws `late()` */
export async function inTime<T>(milliseconds: number, work: Promise<T>, late: () => Error): Promise<T> {
  const timer = Promise.withResolvers<never>();
  const timeout = setTimeout(() => timer.reject(late()), Math.max(0, milliseconds));
  // After the time is up nobody listens to it any more.
  work.catch(() => undefined);
  try {
    return await Promise.race([work, timer.promise]);
  } finally {
    clearTimeout(timeout);
  }
}
