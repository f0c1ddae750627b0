// A registry of OCI images in memory: manifests are put, blobs come in parts, and both are got whole or
// in ranges.
import { createServer } from 'node:http';

export async function startRegistry() {
  const files = new Map();
  const begun = new Map();  // what has come of an upload, by its path
  const server = createServer(async (request, response) => {
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    const body = Buffer.concat(pieces);
    const url = new URL(request.url, 'http://registry');
    const reply = (status, headers = {}, content = '') => {
      response.writeHead(status, headers);
      response.end(content);
    };
    if (request.method === 'POST' && url.pathname.endsWith('/blobs/uploads/')) {
      const location = `${url.pathname}${begun.size}`;
      begun.set(location, Buffer.alloc(0));
      return reply(202, { location });
    }
    if (request.method === 'PATCH' && begun.has(url.pathname)) {
      const arrived = Buffer.concat([begun.get(url.pathname), body]);
      begun.set(url.pathname, arrived);
      return reply(202, { location: url.pathname, range: `0-${arrived.length - 1}` });
    }
    if (request.method === 'PUT' && begun.has(url.pathname)) {
      const digest = url.searchParams.get('digest');
      files.set(url.pathname.replace(/uploads\/\d+$/, digest), Buffer.concat([begun.get(url.pathname), body]));
      return reply(201);
    }
    if (request.method === 'PUT') {
      files.set(url.pathname, body);
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
