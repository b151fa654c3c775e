import { IsOptional, IsString, IsUUID, MaxLength } from 'class-validator';

/** Body of a manual run; all of it may be left out. */
export class FireNow {
  /** Id for the request, so that a repeated call publishes once. */
  @IsOptional()
  @IsUUID()
  requestId?: string;

  @IsOptional()
  @IsString()
  @MaxLength(200)
  requestedBy?: string;

  /** For people: why. */
  @IsOptional()
  @IsString()
  @MaxLength(1000)
  reason?: string;
}
