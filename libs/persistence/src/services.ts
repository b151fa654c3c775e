/** Services that keep state. The name is also the name of the service's schema. */
export const SERVICE_NAMES = ['scheduler', 'backup', 'maintenance', 'notifier'] as const;
export type ServiceName = (typeof SERVICE_NAMES)[number];

/** The login role that owns the service's schema and sees no other. */
export function roleOf(service: ServiceName): string {
  return `hozen_${service}`;
}
