import {
  ArrayMaxSize,
  ArrayNotEmpty,
  ArrayUnique,
  IsArray,
  IsOptional,
  Matches,
  ValidateBy,
  type ValidationOptions,
} from 'class-validator';
import { decodeBech32 } from './bech32.js';
import { SECRET_MESSAGE, SECRET_REFERENCE } from './secret-reference.js';

const X25519_BYTES = 32;

/** The X25519 key in an age recipient (`age1...`); undefined where the text is none. */
export function ageRecipientKey(text: string): Uint8Array | undefined {
  return keyIn(text, 'age');
}

/** The X25519 key in an age identity (`AGE-SECRET-KEY-1...`); undefined where the text is none. */
export function ageIdentityKey(text: string): Uint8Array | undefined {
  return keyIn(text, 'age-secret-key-');
}

function keyIn(text: string, prefix: string): Uint8Array | undefined {
  const key = decodeBech32(text, prefix);
  return key?.length === X25519_BYTES ? key : undefined;
}

function IsAgeRecipient(options: ValidationOptions): PropertyDecorator {
  const isRecipient = (value: unknown) => typeof value === 'string' && ageRecipientKey(value) !== undefined;
  return ValidateBy({ name: 'isAgeRecipient', validator: { validate: isRecipient } }, options);
}

/** Artefacts are encrypted with age (age-encryption.org/v1): whoever makes them cannot read them without an identity. */
export class EncryptionSpec {
  /** Public keys; each of their owners alone can decrypt. */
  @IsArray()
  @ArrayNotEmpty()
  @ArrayMaxSize(20)
  @ArrayUnique()
  @IsAgeRecipient({ each: true, message: 'recipients must be age public keys (age1…, from age-keygen)' })
  recipients!: string[];

  /** Where the private key is (as age-keygen writes it), for restores by Hozen. Backups do without. */
  @IsOptional()
  @Matches(SECRET_REFERENCE, { message: `identity ${SECRET_MESSAGE}` })
  identity?: string;
}
