import type { Language } from '@hozen/contracts';
import { Column, Entity, PrimaryColumn } from 'typeorm';

@Entity('recipients')
export class Recipient {
  @PrimaryColumn({ type: 'text' })
  name!: string;

  @Column({ type: 'text' })
  language!: Language;

  @Column({ type: 'text', nullable: true })
  email!: string | null;

  @Column({ type: 'text', name: 'slack_channel', nullable: true })
  slackChannel!: string | null;

  /** A secret reference. */
  @Column({ type: 'text', name: 'slack_webhook', nullable: true })
  slackWebhook!: string | null;
}
