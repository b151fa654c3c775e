import 'reflect-metadata';
import { ArrayNotEmpty, IsArray, IsEmail, IsIn, IsOptional, IsString, Matches } from 'class-validator';
import { EVENT_TYPES, type EventType } from '../events/registry.js';
import { LANGUAGES, type Language } from '../words.js';
import { SECRET_MESSAGE, SECRET_REFERENCE } from './secret-reference.js';
import { NAME, NAME_MESSAGE } from './target-spec.js';

/** Somebody to tell, and where. */
export class RecipientSpec {
  @Matches(NAME, { message: `name ${NAME_MESSAGE}` })
  name!: string;

  @IsOptional()
  @IsIn(LANGUAGES)
  language: Language = 'en';

  @IsOptional()
  @IsEmail({ require_tld: false })
  email?: string;

  /** Slack channel for the bot (`#dba`, `C0123`); needs the bot token in the notifier's settings. */
  @IsOptional()
  @IsString()
  @Matches(/^[#@]?[\p{L}\p{N}._-]{1,80}$/u, { message: 'slackChannel must be a #channel, a @member or an id' })
  slackChannel?: string;

  /** Incoming webhook of a Slack channel, as a secret reference. */
  @IsOptional()
  @Matches(SECRET_REFERENCE, { message: `slackWebhook ${SECRET_MESSAGE}` })
  slackWebhook?: string;
}

/** Which events go to whom. A recipient is told on every channel it has, or only on those named. */
export class NotificationRuleSpec {
  /** Without them: everything that people are told of, and what will be added to it. */
  @IsOptional()
  @IsArray()
  @ArrayNotEmpty()
  @IsIn(EVENT_TYPES, { each: true })
  events?: EventType[];

  @IsArray()
  @ArrayNotEmpty()
  @IsString({ each: true })
  recipients!: string[];

  @IsOptional()
  @IsArray()
  @ArrayNotEmpty()
  @IsIn(['email', 'slack'], { each: true })
  channels?: ('email' | 'slack')[];
}
