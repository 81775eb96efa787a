// Hocuspocus as its README starts it: no extensions, so nothing is stored.
import { Server } from '@hocuspocus/server';

const server = new Server({
  address: process.env.HOST ?? '127.0.0.1',
  port: Number(process.env.PORT ?? '1234'),
  quiet: true,
});
await server.listen();
