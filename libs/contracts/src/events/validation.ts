import { refusalText } from '../texts/refusal-texts.js';
import { plainToInstance } from 'class-transformer';
import { validateSync, type ValidationError } from 'class-validator';
import 'reflect-metadata';
import type { ErrorCode } from '../errors/catalogue.js';
import { HozenError } from '../errors/hozen-error.js';
import type { Reason } from '../errors/reason.js';

export type Validated<T> = { ok: true; value: T } | { ok: false; reasons: Reason[] };

const SECRET_FIELDS =
  /password|secret|token|webhook|accessKey|encryption|signing|identity|key$|storage$|walArchive$|repository(\.url)?$/i;
const SHOWN_CHARACTERS = 120;

/**
 * Checks plain data against a contract class: unknown fields are refused, every fault is reported, nothing is coerced.
 * Values are shown so that the sender recognises them, except those of fields that may hold a secret.
 */
export function validate<T extends object>(contract: new () => T, plain: unknown): Validated<T> {
  if (!isRecord(plain)) {
    return { ok: false, reasons: [{ field: '', message: refusalText('json-object'), ...shown('', plain) }] };
  }
  const unusable = unusableIn(plain, '');
  if (unusable.length > 0) return { ok: false, reasons: unusable };
  const value = plainToInstance(contract, plain, { exposeDefaultValues: true });
  const errors = validateSync(value, { whitelist: true, forbidNonWhitelisted: true, forbidUnknownValues: true });
  return errors.length === 0 ? { ok: true, value } : { ok: false, reasons: errors.flatMap((e) => reasonsOf(e, '')) };
}

/**
 * Like {@link validate}, for places where bad input ends the matter.
 * @throws HozenError `code` with every reason
 */
export function requireValid<T extends object>(
  contract: new () => T,
  plain: unknown,
  code: ErrorCode = 'REQUEST_INVALID',
): T {
  const result = validate(contract, plain);
  if (result.ok) return result.value;
  const detail = result.reasons.map(({ field, message }) => (field ? `${field}: ${message}` : message)).join('; ');
  throw new HozenError(code, {}, { detail, reasons: result.reasons });
}

/**
 * The items of a list in data that may be wrong, each in its place, for checks between items: those come with the faults
 * of fields, not after them. What is no object has no fields.
 */
export function itemsIn(plain: unknown, list: string): Record<string, unknown>[] {
  const items = isRecord(plain) ? plain[list] : undefined;
  return Array.isArray(items) ? items.map((item: unknown) => (isRecord(item) ? item : {})) : [];
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/** What no field may be: texts that cannot be stored, and items of a list that are nothing. */
function unusableIn(value: unknown, field: string): Reason[] {
  if (typeof value === 'string') return isStorableText(value) ? [] : [{ field, message: refusalText('no-nul') }];
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([name, each]) => {
    const below = field === '' ? name : `${field}.${name}`;
    if (!isStorableText(name)) return [{ field, message: refusalText('no-nul') }];
    if (each === null && Array.isArray(value)) return [{ field: below, message: refusalText('empty-item') }];
    return unusableIn(each, below);
  });
}

/** Whether a table can hold it: PostgreSQL takes neither U+0000 nor half a character. */
export function isStorableText(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}

function reasonsOf(error: ValidationError, parent: string): Reason[] {
  const field = parent ? `${parent}.${error.property}` : error.property;
  const own = Object.entries(error.constraints ?? {}).map(([rule, message]) => ({
    field,
    message: rule === 'whitelistValidation' ? 'is not a known field' : message,
    ...shown(field, error.value),
  }));
  return [...own, ...(error.children ?? []).flatMap((child) => reasonsOf(child, field))];
}

function shown(field: string, value: unknown): { value?: string } {
  if (value === undefined || SECRET_FIELDS.test(field)) return {};
  const text = JSON.stringify(value) ?? typeof value;
  return { value: text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text };
}
