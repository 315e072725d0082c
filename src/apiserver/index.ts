export type { Listener, ListenOptions } from './http/listener.ts'
export { type ApiServer, type ApiServerOptions, createApiServer } from './server.ts'
export { gitVersion } from './version.ts'
