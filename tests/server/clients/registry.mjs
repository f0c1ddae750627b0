// A registry of OCI images in memory: manifests and blobs are put, and got whole or in ranges.
import { createServer } from 'node:http';

export async function startRegistry() {
  const files = new Map();
  const server = createServer(async (request, response) => {
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    const body = Buffer.concat(pieces);
    const url = new URL(request.url, 'http://registry');
    const reply = (status, headers = {}, content = '') => {
      response.writeHead(status, headers);
      response.end(content);
    };
    if (request.method === 'POST' && url.pathname.endsWith('/blobs/uploads/'))
      return reply(202, { location: url.pathname.replace(/uploads\/$/, 'upload') });
    if (request.method === 'PUT') {
      const digest = url.searchParams.get('digest');
      files.set(digest ? url.pathname.replace(/upload$/, digest) : url.pathname, body);
      return reply(201);
    }
    const file = files.get(url.pathname);
    if (!file) return reply(404);
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
    if (!range) return reply(200, { 'content-length': file.length }, request.method === 'HEAD' ? '' : file);
    return reply(206, {}, file.subarray(Number(range[1]), Number(range[2]) + 1));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
