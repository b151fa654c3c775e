import { ArrayMaxSize, ArrayNotEmpty, IsArray, Matches } from 'class-validator';
import { SECRET_MESSAGE, SECRET_REFERENCE } from './secret-reference.js';

/** An Ed25519 public key as OpenSSL writes it: the prefix of its DER (RFC 8410) and 32 bytes. */
const ED25519_PEM =
  /^-----BEGIN PUBLIC KEY-----\r?\nMCowBQYDK2VwAyEA[A-Za-z0-9+/]{43}=\r?\n-----END PUBLIC KEY-----\s*$/;

/** Manifests are signed; a manifest without a good signature is refused. */
export class SigningSpec {
  /** Where the Ed25519 private key (PEM, PKCS #8) is. */
  @Matches(SECRET_REFERENCE, { message: `key ${SECRET_MESSAGE}` })
  key!: string;

  /** Whose signatures are believed: that of `key`, and of older keys as long as there are backups of theirs. */
  @IsArray()
  @ArrayNotEmpty()
  @ArrayMaxSize(20)
  @Matches(ED25519_PEM, { each: true, message: 'publicKeys must be Ed25519 public keys in PEM (openssl pkey -pubout)' })
  publicKeys!: string[];
}
