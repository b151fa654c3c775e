import { IsBoolean, IsInt, IsOptional, Max, Min } from 'class-validator';

/** How often, and after how many seconds, a failed attempt is made again. */
export class RetrySpec {
  @IsInt()
  @Min(0)
  @Max(100)
  times!: number;

  @IsInt()
  @Min(0)
  @Max(86_400)
  seconds!: number;

  /** Double the delay at each try. */
  @IsOptional()
  @IsBoolean()
  exponential: boolean = false;

  static of(times: number, seconds: number, exponential: boolean): RetrySpec {
    return Object.assign(new RetrySpec(), { times, seconds, exponential });
  }
}
