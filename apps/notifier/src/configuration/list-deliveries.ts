import { IsInt, IsOptional, IsString, IsUUID, Max, MaxLength, Min } from 'class-validator';
import { Transform } from 'class-transformer';
import { SECRET_REFERENCE, type DeliveryView } from '@hozen/contracts';
import type { DataSource } from 'typeorm';

/** Which deliveries to list. */
export class DeliveryQuery {
  @IsOptional()
  @IsUUID()
  runId?: string;

  @IsOptional()
  @IsString()
  @MaxLength(300)
  eventId?: string;

  @IsOptional()
  @Transform(({ value }) => Number(value))
  @IsInt()
  @Min(1)
  @Max(1000)
  limit: number = 100;
}

interface Row {
  id: string;
  eventId: string;
  eventType: string;
  runId: string | null;
  channel: DeliveryView['channel'];
  recipient: string;
  address: string;
  state: DeliveryView['state'];
  attempts: number;
  providerId: string | null;
  error: string | null;
  sentAt: Date | null;
}

const SELECT = `
  select d.id, d.event_id as "eventId", n.event_type as "eventType", n.run_id as "runId", d.channel, d.recipient,
         d.address, d.state, d.attempts, d.provider_id as "providerId", d.error, d.sent_at as "sentAt"
    from deliveries d join notification n on n.id = d.notification_id
   where ($1::uuid is null or n.run_id = $1) and ($2::text is null or d.event_id = $2)
   order by d.created_at desc, d.id
   limit $3`;

/** The ledger, newest first. */
export async function listDeliveries(
  dataSource: DataSource,
  { runId, eventId, limit }: DeliveryQuery,
): Promise<DeliveryView[]> {
  const rows = (await dataSource.query(SELECT, [runId ?? null, eventId ?? null, limit])) as Row[];
  return rows.map(viewOf);
}

function viewOf({ runId, address, providerId, error, sentAt, ...row }: Row): DeliveryView {
  return {
    id: row.id,
    eventId: row.eventId,
    eventType: row.eventType,
    ...(runId === null ? {} : { runId }),
    channel: row.channel,
    recipient: row.recipient,
    destination: SECRET_REFERENCE.test(address) ? 'incoming webhook' : address,
    state: row.state,
    attempts: row.attempts,
    ...(providerId === null ? {} : { providerId }),
    ...(error === null ? {} : { error }),
    ...(sentAt === null ? {} : { sentAt: sentAt.toISOString() }),
  };
}
