/** A notice in one language, before a channel gives it a form. Every value is a single line. */
export interface Notice {
  subject: string;
  severity: Severity;
  /** What happened, in one sentence. */
  summary: string;
  facts: Fact[];
  /** Command line to look further. */
  command: string | undefined;
  /** Labels and remarks that the channels add, in the notice's language. */
  texts: { next: string; repeat: string; sender: string };
}

export interface Fact {
  label: string;
  values: string[];
}

export const SEVERITIES = ['info', 'warning', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];
