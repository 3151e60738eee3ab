import { once } from 'node:events';
import { connect, isIP, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as connectTls, type PeerCertificate, type TLSSocket } from 'node:tls';
import { ConnectionError } from './connection-error.ts';
import type { DatabaseTarget, TlsPlan } from './database-target.ts';
import { explainTlsError } from './explain-tls-error.ts';
import { readTlsFiles } from './read-tls-files.ts';

/** SSLRequest (PostgreSQL, "Message Formats"). */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);
const ERROR_RESPONSE = 0x45;
/**
 * A server starts with Authentication, ErrorResponse, NoticeResponse or NegotiateProtocolVersion.
 */
const FIRST_MESSAGES: readonly number[] = [0x52, ERROR_RESPONSE, 0x4e, 0x76];
/** SQLSTATE classes 53 (no resources) and 57 (operator): another transport would not help. */
const BUSY = /\0C5[37]/;

type Attempt = TlsPlan['attempts'][number];

/**
 * A connection that negotiates encryption like libpq before the driver uses it. If the server
 * refuses a transport because it is encrypted, or because it is not, the other one is tried. The
 * driver, which only knows "TLS or no TLS", treats this as a plain socket.
 */
export class NegotiatedSocket extends Duplex {
  readonly #target: DatabaseTarget;
  /** The TCP connection of the current attempt. */
  #raw: Socket | undefined;
  /** `#raw`, or TLS over it. Undefined until the driver can send its first message. */
  #transport: Socket | undefined;
  /** The driver's first message. A second attempt sends it again. */
  #startup: Buffer | undefined;
  #isPassing = false;
  #keepAlive: readonly [boolean, number] = [false, 0];

  constructor(target: DatabaseTarget) {
    super({ allowHalfOpen: false });
    this.#target = target;
  }

  /** Like `Socket.connect`, but always connects to the target's address. */
  connect(): this {
    this.#negotiate().catch((error: Error) => this.destroy(error));
    return this;
  }

  async #negotiate(): Promise<void> {
    const { attempts } = this.#target.tls;
    let refusal: Buffer | undefined;
    for (const [index, attempt] of attempts.entries()) {
      const isLast = index === attempts.length - 1;
      // Outside `try`: if the address cannot be reached, another transport would not help.
      const raw = await this.#reach();
      try {
        const transport = await this.#open(raw, attempt);
        const first = await this.#exchange(transport);
        if (!FIRST_MESSAGES.includes(first[0] ?? 0)) throw this.#tellForeign();
        const isPlainAlready = attempt === 'tls?' && transport === raw;
        if (isLast || isPlainAlready || !isRefusal(first) || BUSY.test(first.toString('latin1'))) {
          this.#pass(transport, first);
          return;
        }
        refusal = first;
      } catch (error) {
        if (this.destroyed) return;
        if (isLast && refusal === undefined) throw error;
      }
      raw.destroy();
    }
    // The last attempt failed too. The server's refusal of the one before has the actual reason.
    this.emit('data', refusal);
    this.destroy();
  }

  async #reach(): Promise<Socket> {
    const { host, hostAddress, port } = this.#target;
    const raw = connect({ host: hostAddress ?? host, port, noDelay: true });
    this.#raw = raw;
    raw.setKeepAlive(...this.#keepAlive);
    await once(raw, 'connect');
    // Without a listener, an error between two users of the socket would end the process.
    raw.on('error', () => {});
    return raw;
  }

  /** Opens a transport on which the driver can send its first message. */
  async #open(raw: Socket, attempt: Attempt): Promise<Socket> {
    const { tls } = this.#target;
    if (attempt === 'plain') return raw;
    if (!tls.isDirect) {
      raw.write(SSL_REQUEST);
      const answer = await readFirst(raw);
      const isOffered = answer.length === 1 && answer[0] === 0x53;
      if (!isOffered && attempt === 'tls?' && answer.length === 1 && answer[0] === 0x4e) return raw;
      if (!isOffered) throw this.#tellRefused(answer);
    }
    try {
      return await this.#encrypt(raw);
    } catch (error) {
      throw explainTlsError(error as Error, this.#target);
    }
  }

  #tellRefused(answer: Buffer): Error {
    const { host, port, tls, requiresChannelBinding } = this.#target;
    if (answer.length === 1 && answer[0] === 0x4e) {
      const demand = requiresChannelBinding ? 'channel_binding=require' : `sslmode=${tls.mode}`;
      const without = requiresChannelBinding ? 'remove channel_binding and use' : 'use';
      return new ConnectionError(
        `DATABASE_URL’s server, ${host}:${port}, does not offer TLS, which ${demand} requires. Turn it on there (ssl = on), ` +
          `or, where the network is trusted, ${without} sslmode=prefer or sslmode=disable.`,
      );
    }
    return this.#tellForeign();
  }

  #tellForeign(): Error {
    const { host, port } = this.#target;
    return new ConnectionError(
      `The server at DATABASE_URL’s address, ${host}:${port}, is not a PostgreSQL server.`,
    );
  }

  async #encrypt(raw: Socket): Promise<TLSSocket> {
    const { host, tls } = this.#target;
    const secureContext = await readTlsFiles(tls);
    const secure = connectTls({
      socket: raw,
      // Checked against the certificate even if it is an IP address, which a server name must not
      // be (RFC 6066, 3).
      host,
      ...(isIP(host) === 0 && tls.sendServerName ? { servername: host } : {}),
      secureContext,
      rejectUnauthorized: tls.check !== 'nothing',
      ...(tls.check === 'authority and name' ? {} : { checkServerIdentity: () => undefined }),
      ...(tls.isDirect ? { ALPNProtocols: ['postgresql'] } : {}),
    });
    await once(secure, 'secureConnect');
    secure.on('error', () => {});
    if (tls.isDirect && secure.alpnProtocol !== 'postgresql') {
      throw new ConnectionError(
        'DATABASE_URL’s server does not support sslnegotiation=direct (PostgreSQL 17 or newer does): remove it.',
      );
    }
    return secure;
  }

  /** Sends the driver's first message, or sends it again, and returns the server's first answer. */
  async #exchange(transport: Socket): Promise<Buffer> {
    this.#transport = transport;
    const answer = readFirst(transport);
    if (this.#startup) transport.write(this.#startup);
    else this.emit('connect');
    return await answer;
  }

  /**
   * From here on, data bypasses the buffers of this stream, which would cost as much as the
   * driver's own work. The driver reads data as it arrives, so back pressure is not needed.
   */
  #pass(transport: Socket, first: Buffer): void {
    this.#moveCorks(transport);
    transport.on('data', (chunk) => this.emit('data', chunk));
    transport.on('error', (error) => this.destroy(this.#explain(error)));
    transport.on('close', () => this.destroy());
    this.emit('data', first);
    transport.resume();
  }

  /** Sends the buffered data, then corks the transport as often as this stream was corked. */
  #moveCorks(transport: Socket): void {
    const corks = this.writableCorked;
    for (let left = corks; left > 0; left -= 1) super.uncork();
    this.#isPassing = true;
    for (let left = corks; left > 0; left -= 1) transport.cork();
  }

  /** With TLS 1.3, a server refuses the client's certificate only after the handshake. */
  #explain(error: Error): Error {
    const { code = '' } = error as NodeJS.ErrnoException;
    return code.startsWith('ERR_SSL_') ? explainTlsError(error, this.#target) : error;
  }

  override write(chunk: Buffer, callback?: (error?: Error | null) => void): boolean;
  override write(chunk: Buffer, encoding: BufferEncoding, callback?: (error?: Error | null) => void): boolean;
  override write(...values: unknown[]): boolean {
    const stream = this.#isPassing && !this.destroyed && this.#transport;
    const write = stream ? stream.write : super.write;
    return (write as (...values: unknown[]) => boolean).apply(stream || this, values);
  }

  /** The driver corks the messages of a query so that they leave in one write. */
  override cork(): void {
    if (this.#isPassing) this.#transport?.cork();
    else super.cork();
  }

  override uncork(): void {
    if (this.#isPassing) this.#transport?.uncork();
    else super.uncork();
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (!this.#transport) {
      // Before its first message, the driver only writes a Terminate message, if it gives up.
      this.destroy();
      done();
      return;
    }
    this.#startup ??= chunk;
    // Ignores write errors: a failed attempt must not end this socket.
    this.#transport.write(chunk, () => done());
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#transport) this.#transport.end(() => done());
    else done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#transport?.destroy();
    this.#raw?.destroy();
    done(error);
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(isOn: boolean, initialDelayMs: number): this {
    this.#keepAlive = [isOn, initialDelayMs];
    this.#raw?.setKeepAlive(isOn, initialDelayMs);
    return this;
  }

  ref(): this {
    this.#raw?.ref();
    return this;
  }

  unref(): this {
    this.#raw?.unref();
    return this;
  }

  get bytesRead(): number {
    return this.#raw?.bytesRead ?? 0;
  }

  /** Like `TLSSocket.getPeerCertificate`; the driver needs it for channel binding. */
  getPeerCertificate(): PeerCertificate | object {
    return this.#transport && 'getPeerCertificate' in this.#transport
      ? (this.#transport as TLSSocket).getPeerCertificate()
      : {};
  }
}

function isRefusal(answer: Buffer): boolean {
  return answer[0] === ERROR_RESPONSE;
}

/** Returns the first chunk and pauses the socket. Throws if the socket ends before. */
async function readFirst(socket: Socket): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const onEnd = () => reject(Object.assign(new Error('the connection was closed'), { code: 'ECONNRESET' }));
  const onData = (chunk: Buffer) => {
    socket.pause();
    resolve(chunk);
  };
  socket.once('data', onData).once('error', reject).once('end', onEnd).once('close', onEnd);
  socket.resume();
  try {
    return await promise;
  } finally {
    socket.off('data', onData).off('error', reject).off('end', onEnd).off('close', onEnd);
  }
}
