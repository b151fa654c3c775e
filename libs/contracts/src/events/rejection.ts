import { IsOptional, IsString } from 'class-validator';

/** One reason why a request was refused. */
export class RejectionReason {
  /** The field, as a path: `window.from`. Empty: the message as a whole. */
  @IsString()
  field!: string;

  /** What was found there, shortened; left out where it may be secret. */
  @IsOptional()
  @IsString()
  value?: string;

  @IsString()
  message!: string;
}
