import { registerDecorator } from 'class-validator';

export function IsTimeZone() {
  return (target: object, propertyName: string) => {
    registerDecorator({
      name: 'isTimeZone',
      target: target.constructor,
      propertyName,
      validator: {
        validate: isTimeZone,
        defaultMessage: () => `${propertyName} must be an IANA time zone such as Asia/Tokyo`,
      },
    });
  };
}

/** Names that were found good. Looking one up takes a millisecond, and every run validates its config again. */
const knownZones = new Set<string>();

export function isTimeZone(value: unknown): boolean {
  if (typeof value !== 'string' || value === '') return false;
  if (knownZones.has(value)) return true;
  try {
    if (new Intl.DateTimeFormat('en', { timeZone: value }).resolvedOptions().timeZone === '') return false;
    knownZones.add(value);
    return true;
  } catch {
    return false;
  }
}
