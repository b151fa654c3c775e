/** One thing that is wrong with an input: where, what was found (shortened), and what is allowed. */
export interface Reason {
  field: string;
  value?: string;
  message: string;
}
