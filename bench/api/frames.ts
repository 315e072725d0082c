/** How a stream of messages is cut: a line each, or behind their length in four bytes, or in four bytes after one of gRPC's. */
export type Framing = 'lines' | 'protobuf' | 'grpc'

const NEWLINE = 0x0a
const LENGTH_BYTES = 4

/** Counts the messages that end in each piece of one stream, which come in any size. */
export function frameCounter(framing: Framing): (piece: Buffer) => number {
  return framing === 'lines' ? countLines : prefixed(framing === 'grpc' ? 1 : 0)
}

function countLines(piece: Buffer): number {
  let lines = 0
  for (let at = piece.indexOf(NEWLINE); at !== -1; at = piece.indexOf(NEWLINE, at + 1)) lines++
  return lines
}

function prefixed(lengthAt: number): (piece: Buffer) => number {
  const head = Buffer.alloc(lengthAt + LENGTH_BYTES)
  let [headFilled, bodyLeft] = [0, 0]
  return (piece) => {
    let frames = 0
    for (let at = 0; at < piece.length; ) {
      if (bodyLeft === 0) {
        const copied = piece.copy(head, headFilled, at)
        headFilled += copied
        at += copied
        if (headFilled < head.length) break
        headFilled = 0
        bodyLeft = head.readUInt32BE(lengthAt)
      }
      const taken = Math.min(bodyLeft, piece.length - at)
      bodyLeft -= taken
      at += taken
      if (bodyLeft === 0) frames++
    }
    return frames
  }
}
