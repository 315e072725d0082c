import { CODES, ConnectionError } from './errors.ts'
import { FLAGS, HEAD_BYTES, INTEGER_31_MAX, PAYLOAD_BYTES_MAX, TYPES, writeHead } from './frames.ts'

/** RFC 9113, 6.5.2. */
export const SETTINGS = {
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
} as const

const SETTING_BYTES = 6
const FRAME_SIZE_MAX = 2 ** 24 - 1

/** Tells `apply` each setting of a frame, in its order. Throws a {@link ConnectionError} for one that can not be. */
export function readSettings(payload: Buffer, apply: (identifier: number, value: number) => void): void {
  if (payload.length % SETTING_BYTES !== 0) throw new ConnectionError(CODES.frameSize, 'settings of no known length')
  for (let at = 0; at < payload.length; at += SETTING_BYTES) {
    const identifier = payload.readUInt16BE(at)
    const value = payload.readUInt32BE(at + 2)
    if (identifier === SETTINGS.enablePush && value > 1) throw new ConnectionError(CODES.protocol, 'push is neither on nor off')
    if (identifier === SETTINGS.initialWindowSize && value > INTEGER_31_MAX)
      throw new ConnectionError(CODES.flowControl, 'a window that is too large')
    if (identifier === SETTINGS.maxFrameSize && (value < PAYLOAD_BYTES_MAX || value > FRAME_SIZE_MAX))
      throw new ConnectionError(CODES.protocol, 'a frame size that can not be')
    apply(identifier, value)
  }
}

/** A frame of settings, as pairs of identifier and value. */
export function settingsFrame(settings: readonly (readonly [identifier: number, value: number])[]): Buffer {
  const frame = Buffer.alloc(HEAD_BYTES + settings.length * SETTING_BYTES)
  let at = writeHead(frame, 0, settings.length * SETTING_BYTES, TYPES.settings, 0, 0)
  for (const [identifier, value] of settings) at = frame.writeUInt32BE(value, frame.writeUInt16BE(identifier, at))
  return frame
}

export const SETTINGS_ACK: Buffer = (() => {
  const frame = Buffer.alloc(HEAD_BYTES)
  writeHead(frame, 0, 0, TYPES.settings, FLAGS.ack, 0)
  return frame
})()
