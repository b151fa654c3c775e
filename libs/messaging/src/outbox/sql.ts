/** The same event or the same `once` key a second time is no error and no second event. */
export const INSERT_EVENT = `
  insert into outbox (id, subject, body, traceparent, once_key) values ($1, $2, $3, $4, $5)
  on conflict do nothing`;

/**
 * The next events to be sent. By mark, never "position > last": positions are taken before the commit, so a cursor
 * would pass by a transaction that commits late. Rows that another relay is sending are left to it.
 */
export const SELECT_UNSENT = `
  select id, position, subject, body, traceparent, republished, attempts from outbox
   where sent_at is null and (not_before is null or not_before <= clock_timestamp())
   order by position limit $1
   for update skip locked`;

/** All of a batch at once; $1 is a JSON array of {id, stream, sequence}. */
export const MARK_SENT = `
  update outbox o
     set sent_at = clock_timestamp(), stream = sent.stream, stream_sequence = sent.sequence,
         attempts = o.attempts + 1, last_error = null, not_before = null
    from jsonb_to_recordset($1::jsonb) as sent (id uuid, stream text, sequence bigint)
   where o.id = sent.id`;

/** An event that cannot be sent makes room for those behind it, a little longer each time. */
export const MARK_UNSENT = `
  update outbox
     set attempts = attempts + 1, last_error = $2,
         not_before = clock_timestamp() + least(30, 0.25 * 2 ^ least(attempts, 10)) * interval '1 second'
   where id = $1`;

/**
 * Repetitions come at most as long after the first message as a stream keeps it, plus the window of publishing again.
 * A key outlives that by far: what it stands for is also guarded by the state of its run, which is final.
 */
const DELETE_OLD_EVENTS = `
  delete from outbox where id in (
    select id from outbox
     where sent_at < clock_timestamp() - case when once_key is null then interval '30 days' else interval '400 days' end
     limit 5000)`;
const DELETE_OLD_INBOX = `
  delete from inbox where (consumer, message_id) in (
    select consumer, message_id from inbox where handled_at < clock_timestamp() - interval '30 days' limit 5000)`;
/** As long as the record of runs is kept; whoever sends nonsense all day must not fill the disk with it for ever. */
const DELETE_OLD_DEAD_LETTERS = `
  delete from dead_letters where id in (
    select id from dead_letters where created_at < clock_timestamp() - interval '180 days' limit 5000)`;

/** What is too old to be of use to anybody; a bounded number of rows at a time. */
export const DELETE_OLD = [DELETE_OLD_EVENTS, DELETE_OLD_INBOX, DELETE_OLD_DEAD_LETTERS];

export const INSERT_DEAD_LETTER = `
  insert into dead_letters (id, subject, message_id, body, headers, reasons, deliveries)
  values ($1, $2, $3, $4, $5, $6, $7)`;

/** One row: this consumer has not yet handled the message. None: it has, and its effects are committed. */
export const INSERT_INBOX = `
  insert into inbox (consumer, message_id, content_hash) values ($1, $2, $3) on conflict do nothing returning message_id`;

/** Null: the row is from before contents were kept. */
export const INBOX_CONTENT = `select content_hash as hash from inbox where consumer = $1 and message_id = $2`;
