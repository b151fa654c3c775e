import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Channel } from '../delivery/channel.js';

@Entity('notification_rules')
export class NotificationRule {
  /** Place in the file. */
  @PrimaryColumn({ type: 'integer' })
  position!: number;

  /** None: all of them. */
  @Column({ type: 'text', array: true })
  events!: string[];

  @Column({ type: 'text', array: true })
  recipients!: string[];

  @Column({ type: 'text', array: true, nullable: true })
  channels!: Channel[] | null;
}
