export { SpdyConnection, type SpdyOptions } from './connection.ts'
export { SpdyProtocolError } from './frames.ts'
export type { SpdyHeaders } from './headers.ts'
export { SpdyStream } from './stream.ts'
