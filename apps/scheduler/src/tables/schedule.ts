import type { ScheduleSpec } from '@hozen/contracts';
import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';

/** A schedule as configured, and how far its slots are settled. */
@Entity('schedules')
export class Schedule {
  @PrimaryGeneratedColumn('uuid')
  id!: string;

  @Column({ type: 'text' })
  name!: string;

  @Column({ type: 'text' })
  cron!: string;

  @Column({ type: 'text', name: 'time_zone' })
  timeZone!: string;

  @Column({ type: 'text' })
  event!: ScheduleSpec['event'];

  @Column({ type: 'jsonb' })
  request!: Record<string, unknown>;

  @Column({ type: 'boolean' })
  enabled!: boolean;

  @Column({ type: 'text' })
  misfire!: ScheduleSpec['misfire'];

  @Column({ type: 'integer', name: 'catch_up_limit' })
  catchUpLimit!: number;

  @Column({ type: 'timestamptz', name: 'settled_until' })
  settledUntil!: Date;

  @Column({ type: 'timestamptz', name: 'next_fire_at', nullable: true })
  nextFireAt!: Date | null;

  @Column({ type: 'text', name: 'time_zone_data' })
  timeZoneData!: string;

  @Column({ type: 'timestamptz', name: 'not_before', nullable: true })
  notBefore!: Date | null;

  @Column({ type: 'text', name: 'last_error', nullable: true })
  lastError!: string | null;

  @Column({ type: 'timestamptz', name: 'updated_at' })
  updatedAt!: Date;
}
