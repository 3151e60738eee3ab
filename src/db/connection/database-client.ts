import { Client } from 'pg';
import { requireChannelBinding } from './require-channel-binding.ts';
import type { SessionConfig } from './session-config.ts';

/** A `pg` client that sets up its session before use and ignores the environment variables. */
export class DatabaseClient extends Client {
  readonly #setup: string | undefined;

  constructor(config?: SessionConfig) {
    super(config);
    this.#setup = config?.setup;
    // Without a listener, a lost connection would end the process.
    this.on('error', () => {});
    // Without a value in the configuration, the driver would read PGOPTIONS and PGREPLICATION.
    const { connectionParameters } = this as unknown as { connectionParameters: object };
    Object.assign(connectionParameters, { options: config?.options, replication: undefined });
    const server = config?.channelBindingServer;
    if (server !== undefined) requireChannelBinding(this, server);
  }

  override connect(): Promise<this>;
  override connect(callback: (error: Error | null, client?: this) => void): void;
  override connect(callback?: (error: Error | null, client?: this) => void): Promise<this> | undefined {
    const connected = this.#connect();
    if (callback === undefined) return connected;
    connected.then(
      () => callback(null, this),
      (error: Error) => callback(error),
    );
    return undefined;
  }

  async #connect(): Promise<this> {
    await super.connect();
    if (this.#setup !== undefined) {
      try {
        await this.query(this.#setup);
      } catch (error) {
        void this.end();
        throw error;
      }
    }
    return this;
  }
}
