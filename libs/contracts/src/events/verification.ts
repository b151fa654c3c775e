import 'reflect-metadata';
import { Type } from 'class-transformer';
import {
  IsArray,
  IsBoolean,
  IsDefined,
  IsIn,
  IsInt,
  IsISO8601,
  IsNotEmpty,
  IsNumber,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import { VERDICTS, VERIFICATION_KINDS, type Verdict, type VerificationKind } from '../words.js';
import { SECRET_MESSAGE, SECRET_REFERENCE } from '../files/secret-reference.js';
import { BackupRejected, ErrorFacts, ProofFacts } from './backup.js';

/** `verification.requested`: please prove a backup that stands, once more. */
export class VerificationRequested {
  /** Whose backups; needed without `run`, but for the kinds that draw one: those draw from all configs then. */
  @IsOptional()
  @IsString()
  @IsNotEmpty()
  @MaxLength(200)
  config?: string;

  /** Run whose artefact is looked at, by its id or that of its request. */
  @IsOptional()
  @IsString()
  @IsNotEmpty()
  @MaxLength(300)
  run?: string;

  /**
   * `full` (the default): the newest backup, restored with all that it builds on, and compared. `sample`: one that is drawn, restored and
   * compared. `spot`: one that is drawn, read back whole and checked. `key`: the newest, decrypted whole with `identity`, with all that it
   * builds on.
   */
  @IsOptional()
  @IsIn(VERIFICATION_KINDS)
  kind?: VerificationKind;

  /** Of the kind `key`, and needed there: where the private key is that is to be tried, such as one that is kept elsewhere. */
  @IsOptional()
  @Matches(SECRET_REFERENCE, { message: `identity ${SECRET_MESSAGE}` })
  identity?: string;

  /** Draws the same again, as long as the same backups stand. Default: by chance; it is written down. */
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(0x7fff_ffff)
  seed?: number;

  @IsOptional()
  @IsString()
  @MaxLength(1000)
  reason?: string;

  @IsOptional()
  @IsString()
  @MaxLength(200)
  requestedBy?: string;
}

/** What names a verification in every later event of it. */
export class VerificationFacts {
  @Matches(/^[0-9a-f-]{36}$/)
  verificationId!: string;

  /** Id of the `verification.requested` event that it answers. */
  @IsString()
  @IsNotEmpty()
  requestId!: string;

  /** Run whose artefact is looked at. */
  @Matches(/^[0-9a-f-]{36}$/)
  runId!: string;

  @IsString()
  @IsNotEmpty()
  config!: string;

  /** Target that the backup is of. */
  @IsString()
  @IsNotEmpty()
  target!: string;

  @IsIn(VERIFICATION_KINDS)
  kind!: VerificationKind;

  /** What the drawing began with. */
  @IsOptional()
  @IsInt()
  seed?: number;
}

/** `verification.accepted`: it will end in exactly one `verification.completed` or `verification.failed`. */
export class VerificationAccepted extends VerificationFacts {}

/** `verification.rejected`: there is nothing to verify, with every reason. Terminal. */
export class VerificationRejected extends BackupRejected {}

/** `verification.started`: an attempt begins. */
export class VerificationStarted extends VerificationFacts {
  @IsInt()
  @Min(1)
  attempt!: number;

  @IsISO8601()
  startedAt!: string;
}

/** A public key for which a backup is encrypted. */
export class TriedRecipient {
  @IsString()
  recipient!: string;

  /** Its private key was the one that was tried, and opened the backup. */
  @IsBoolean()
  tried!: boolean;
}

/** `verification.completed`: the backup is as good as when it was made. Terminal. */
export class VerificationCompleted extends VerificationFacts {
  @IsISO8601()
  startedAt!: string;

  @IsISO8601()
  finishedAt!: string;

  @IsDefined()
  @ValidateNested()
  @Type(() => ProofFacts)
  proof!: ProofFacts;

  /** Recovery time: seconds from the beginning to the restored and compared content. Absent where nothing was restored. */
  @IsOptional()
  @IsNumber()
  @Min(0)
  rtoSeconds?: number;

  /** Recovery point: how old the newest state was that could be restored when it began, in seconds. Only of `full`. */
  @IsOptional()
  @IsNumber()
  @Min(0)
  rpoSeconds?: number;

  /** Who can read the backup. Only of `key`. */
  @IsOptional()
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => TriedRecipient)
  recipients?: TriedRecipient[];
}

/** `verification.failed`: the backup is bad, or it could not be found out. Terminal. */
export class VerificationFailed extends VerificationFacts {
  @IsISO8601()
  finishedAt!: string;

  /** `bad`: this backup must not be relied on. `unknown`: nothing is known to be wrong with it. */
  @IsIn(VERDICTS)
  verdict!: Verdict;

  @IsDefined()
  @ValidateNested()
  @Type(() => ErrorFacts)
  error!: ErrorFacts;
}
