import type { Timer } from '#base'
import { CODES, ConnectionError } from './errors.ts'
import type { Field } from './fields.ts'
import { contentOf, FLAGS, type Frame, TYPES } from './frames.ts'
import { HeaderDecoder, type HeadLimits } from './header-decoder.ts'

/** Frames of one head (CONTINUATION flood, CVE-2024-27316). */
const FRAMES_MAX = 16

export interface ReceivedHead {
  readonly stream: number
  readonly fields: readonly Field[]
  /** Whether nothing follows it. */
  readonly isLast: boolean
  /** The fields are not all of them. */
  readonly isTooLarge: boolean
}

/** A head that has not come to its end. */
interface Begun {
  readonly stream: number
  readonly isLast: boolean
  readonly parts: Buffer[]
  bytes: number
  readonly timer: Timer
}

/** Puts heads together from their frames. Throws a {@link ConnectionError} for what is none, and for one that goes on and on. */
export class HeadReader implements Disposable {
  readonly #decoder: HeaderDecoder
  readonly #limits: HeadLimits
  readonly #late: () => Timer
  #begun: Begun | undefined

  /** `late` sets the time within which the rest of a head has to come. */
  constructor(limits: HeadLimits, late: () => Timer) {
    this.#decoder = new HeaderDecoder(limits)
    this.#limits = limits
    this.#late = late
  }

  /** Whether only more of a head may follow. */
  get isWithin(): boolean {
    return this.#begun !== undefined
  }

  /** A head that has come to its end with this frame. */
  read(frame: Frame): ReceivedHead | undefined {
    return frame.type === TYPES.headers ? this.#begin(frame) : this.#continue(frame)
  }

  [Symbol.dispose](): void {
    this.#begun?.timer[Symbol.dispose]()
  }

  #begin(frame: Frame): ReceivedHead | undefined {
    const { stream, flags } = frame
    if (stream % 2 === 0) throw new ConnectionError(CODES.protocol, 'a head on a stream that is none of a client')
    const content = contentOf(frame)
    const isLast = (flags & FLAGS.endStream) !== 0
    if ((flags & FLAGS.endHeaders) !== 0) return { stream, isLast, ...this.#decoder.decode(content) }
    this.#begun = { stream, isLast, parts: [content], bytes: content.length, timer: this.#late() }
    return undefined
  }

  #continue({ stream, flags, payload }: Frame): ReceivedHead | undefined {
    const begun = this.#begun
    if (begun === undefined || begun.stream !== stream)
      throw new ConnectionError(CODES.protocol, 'more of a head that was not begun')
    begun.parts.push(payload)
    begun.bytes += payload.length
    if (begun.parts.length > FRAMES_MAX || begun.bytes > this.#limits.bytes)
      throw new ConnectionError(CODES.enhanceYourCalm, 'a head that goes on and on')
    if ((flags & FLAGS.endHeaders) === 0) return undefined
    this.#begun = undefined
    begun.timer[Symbol.dispose]()
    const { fields, isTooLarge } = this.#decoder.decode(Buffer.concat(begun.parts, begun.bytes))
    return { stream, isLast: begun.isLast, fields, isTooLarge }
  }
}
