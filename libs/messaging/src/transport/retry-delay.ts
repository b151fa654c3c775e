/** ms after the first, second, … failed delivery; about four minutes in all for ten deliveries. */
export const RETRY_DELAYS_MS: readonly number[] = [250, 1_000, 3_000, 8_000, 15_000, 30_000, 45_000, 60_000, 60_000];

const JITTER = 0.2;

/** The last delay stands for all further ones; a little chance keeps those that failed together from coming back together. */
export function retryDelay(deliveries: number, delays: readonly number[], random = Math.random()): number {
  const delay = delays[Math.min(deliveries, delays.length) - 1] ?? delays[0] ?? 0;
  return Math.round(delay * (1 - JITTER + 2 * JITTER * random));
}
