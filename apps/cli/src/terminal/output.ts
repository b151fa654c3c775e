/** Where output goes; a terminal when `isTTY`. */
export interface Output {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
}
