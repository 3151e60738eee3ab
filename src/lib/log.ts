/** The part of pino's logger that the program uses: fields first, then a short sentence. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  child(fields: object): Log;
  /** Whether messages of a level are written. For fields that are expensive to compute. */
  isLevelEnabled(level: 'debug'): boolean;
}
