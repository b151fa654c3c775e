/** How long a lease lasts without being renewed, in seconds. A dead worker is noticed after this and one poll. */
export const LEASE_SECONDS = 15;
