import 'reflect-metadata';
import { IsBoolean, IsIn, IsInt, IsObject, IsOptional, Matches, Max, MaxLength, Min } from 'class-validator';
import { IsCron } from './cron.js';
import { NAME, NAME_MESSAGE } from './target-spec.js';
import { IsTimeZone } from './time-zone.js';

/** What can be asked for at fixed times. */
export const SCHEDULED_EVENTS = ['backup.requested', 'verification.requested', 'maintenance.requested'] as const;

/** When to publish which request. */
export class ScheduleSpec {
  @Matches(NAME, { message: `name ${NAME_MESSAGE}` })
  name!: string;

  /** Five fields, or six with seconds first. */
  @MaxLength(200)
  @IsCron()
  cron!: string;

  @IsOptional()
  @IsTimeZone()
  timeZone: string = 'UTC';

  @IsOptional()
  @IsIn(SCHEDULED_EVENTS)
  event: (typeof SCHEDULED_EVENTS)[number] = 'backup.requested';

  /** Data of the event. `trigger: automatic` and `requestedBy` are filled in. */
  @IsObject()
  request!: Record<string, unknown>;

  @IsOptional()
  @IsBoolean()
  enabled: boolean = true;

  /** Slots missed while no scheduler ran: `latest` makes up for the last one, `skip` for none, `all` for up to `catchUpLimit`. */
  @IsOptional()
  @IsIn(['latest', 'skip', 'all'])
  misfire: 'latest' | 'skip' | 'all' = 'latest';

  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(1000)
  catchUpLimit: number = 10;
}
