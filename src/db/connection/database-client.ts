import { Client } from 'pg';
import { requireChannelBinding } from './require-channel-binding.ts';
import type { SessionConfig } from './session-config.ts';

/** A client of the driver whose session is set up before it is used, and which hears nothing of the environment. */
export class DatabaseClient extends Client {
  readonly #setup: string | undefined;

  constructor(config?: SessionConfig) {
    super(config);
    this.#setup = config?.setup;
    // Without a listener a connection that is lost would end the program.
    this.on('error', () => {});
    // The driver takes both from PGOPTIONS and PGREPLICATION where the configuration has none.
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
