import { HozenError } from '@hozen/contracts';

/**
 * Reads a service's settings from the environment and collects everything that is wrong, so that it is reported at
 * once. Values are never repeated: a password may stand where it does not belong.
 */
export class SettingsReader {
  readonly #faults: string[] = [];

  constructor(private readonly env: NodeJS.ProcessEnv = process.env) {}

  /** @param fallback without it the setting must be there */
  text(name: string, fallback?: string): string {
    const value = this.env[name] || fallback;
    if (value === undefined) this.fault(name, 'is missing');
    return value ?? '';
  }

  optionalText(name: string): string | undefined {
    return this.env[name] || undefined;
  }

  integer(name: string, range: { min: number; max: number; fallback?: number }): number {
    const text = this.text(name, range.fallback === undefined ? undefined : String(range.fallback));
    const value = Number(text);
    const ok = Number.isInteger(value) && value >= range.min && value <= range.max;
    if (text !== '' && !ok) this.fault(name, `must be a whole number from ${range.min} to ${range.max}`);
    return value;
  }

  oneOf<const T extends string>(name: string, allowed: readonly T[], fallback?: T): T {
    const text = this.text(name, fallback);
    const value = allowed.find((each) => each === text);
    if (text !== '' && value === undefined) this.fault(name, `must be one of ${allowed.join(', ')}`);
    return value ?? allowed[0]!;
  }

  /** Notes a fault found by other means. `what` follows the name: "is missing". */
  fault(name: string, what: string): void {
    this.#faults.push(`${name} ${what}`);
  }

  /** @throws HozenError SETTINGS_INVALID naming every fault */
  finish(): void {
    if (this.#faults.length > 0) throw new HozenError('SETTINGS_INVALID', { what: this.#faults.join('; ') });
  }
}
