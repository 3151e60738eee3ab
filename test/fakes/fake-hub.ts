import { readFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

/** Starts a real HTTP server with one model of a hub: `/{id}/resolve/main/{file}`. */
export async function startFakeHub(model: { id: string; folder: string }) {
  const paths: string[] = [];
  const server = http.createServer((request, response) => {
    const path = request.url ?? '';
    paths.push(path);
    const [id, file = ''] = path.slice(1).split('/resolve/main/');
    if (id !== model.id || file.includes('..')) {
      response.writeHead(404).end();
      return;
    }
    readFile(join(model.folder, file)).then(
      (body) => response.writeHead(200, { 'content-length': body.length }).end(body),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** The requested paths. */
    paths,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
