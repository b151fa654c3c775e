export const INSERT_POSITION = `insert into broker_positions (stream) values ($1) on conflict do nothing`;

export const LOCK_POSITION = `
  select broker_created_at, last_sequence from broker_positions where stream = $1 for update`;

/** Milliseconds are enough to tell two streams apart, and all that JavaScript reads back. */
export const UPDATE_POSITION = `
  update broker_positions
     set broker_created_at = date_trunc('milliseconds', $2::timestamptz), last_sequence = $3, checked_at = clock_timestamp()
   where stream = $1`;

export const NEWEST_SENT = `
  select id, stream_sequence from outbox
   where stream = $1 and sent_at > clock_timestamp() - $2 * interval '1 day'
   order by stream_sequence desc limit 1`;

const TAKE_BACK = `
  update outbox
     set sent_at = null, stream = null, stream_sequence = null, not_before = null, republished = republished + 1
   where stream = $1 and sent_at > clock_timestamp() - $2 * interval '1 day'`;

/** The stream is not the one it was: everything recent again. */
export const UNSEND_ALL = `${TAKE_BACK} returning id`;

/** The stream was emptied: what stood before its first message again. Age does not remove anything so recent. */
export const UNSEND_REMOVED = `${TAKE_BACK} and stream_sequence < $3 returning id`;
