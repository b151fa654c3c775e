import { IsNotEmpty, IsString, MaxLength } from 'class-validator';

/** Body of a test-send. */
export class TestNoticeBody {
  /** Name of the recipient; `default` for the one of the settings. */
  @IsString()
  @IsNotEmpty()
  @MaxLength(200)
  recipient!: string;
}
