/** What the rooms need of a logger; pino's shape. Fields first, then a short sentence. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  child(fields: object): Log;
  /** Whether lines of a level are written: for what is dear to find out. */
  isLevelEnabled(level: 'debug'): boolean;
}
