import { createSocket } from 'node:dgram';
import { once } from 'node:events';

/** The records of a name: addresses of both families, an error, or no answer. */
export type DnsRecords =
  | { readonly v4?: readonly string[]; readonly v6?: readonly (string | 'silent')[]; readonly ttl?: number }
  | 'nxdomain'
  | 'servfail'
  | 'refused'
  | 'silent';

/** A DNS server on loopback (RFC 1035, over UDP) that counts its questions. */
export interface FakeDns {
  /** For `Resolver.setServers`. */
  readonly server: string;
  /** Questions by name and type, such as `shop.test A`. */
  readonly questions: ReadonlyMap<string, number>;
  readonly records: Map<string, DnsRecords>;
  close(): Promise<void>;
}

const TYPES: Readonly<Record<number, 'A' | 'AAAA'>> = { 1: 'A', 28: 'AAAA' };
const CODES = { nxdomain: 3, servfail: 2, refused: 5 };

/** Starts a server. It does not answer questions about a name without records. */
export async function startFakeDns(): Promise<FakeDns> {
  const socket = createSocket('udp4');
  const questions = new Map<string, number>();
  const records = new Map<string, DnsRecords>();
  socket.on('message', (message, { port, address }) => {
    const { name, type, end } = readQuestion(message);
    const key = `${name} ${TYPES[type] ?? type}`;
    questions.set(key, (questions.get(key) ?? 0) + 1);
    const found = records.get(name) ?? 'silent';
    if (found === 'silent') return;
    const question = message.subarray(12, end);
    if (typeof found === 'string')
      return socket.send(makeAnswer(message, question, CODES[found], []), port, address);
    const addresses = (type === 1 ? found.v4 : type === 28 ? found.v6 : undefined) ?? [];
    if (addresses.includes('silent')) return;
    const answers = addresses.map((one) => makeRecord(type, found.ttl ?? 60, one));
    socket.send(makeAnswer(message, question, 0, answers), port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return {
    server: `127.0.0.1:${socket.address().port}`,
    questions,
    records,
    async close() {
      socket.close();
      await once(socket, 'close');
    },
  };
}

function readQuestion(message: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = message[at] ?? 0; length > 0; length = message[at] ?? 0) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), type: message.readUInt16BE(at + 1), end: at + 5 };
}

function makeAnswer(query: Buffer, question: Buffer, code: number, answers: readonly Buffer[]): Buffer {
  const head = Buffer.alloc(12);
  query.copy(head, 0, 0, 2);
  // Flags: a response, with recursion desired and available.
  head.writeUInt16BE(0x8180 | code, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(answers.length, 6);
  return Buffer.concat([head, question, ...answers]);
}

/** `0xc00c` points to the name in the question. */
function makeRecord(type: number, ttl: number, address: string): Buffer {
  const data =
    type === 1
      ? Buffer.from(address.split('.').map(Number))
      : Buffer.from(expandIpv6(address).replaceAll(':', ''), 'hex');
  const head = Buffer.alloc(12);
  head.writeUInt16BE(0xc00c, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(ttl, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

function expandIpv6(address: string): string {
  const [left = '', right = ''] = address.split('::');
  const parts = (text: string) => (text === '' ? [] : text.split(':'));
  const missing = Array<string>(8 - parts(left).length - parts(right).length).fill('0');
  return [...parts(left), ...missing, ...parts(right)].map((part) => part.padStart(4, '0')).join(':');
}
