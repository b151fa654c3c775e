/** What a copy of the files depends on. */
export interface PhysicalFacts {
  /** A page whose only change are hint bits has a new LSN: so a copy can be compared byte by byte. */
  hintsLogged: boolean;
  /** The server knows which pages changed since an earlier backup. */
  summarizeWal: boolean;
  timeline: number;
  /** Replay will begin here or later. */
  beginsAfter: string;
  walSegmentBytes: number;
  /** Null where we may not ask. */
  dataDirectory: string | null;
  port: number;
  /** Seconds since 1970. */
  startedAt: number;
}
