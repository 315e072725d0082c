import { setFlagsFromString } from 'node:v8'

/** Calls after which a function is compiled by V8's middle and by its best compiler; V8 waits for 400 and 3,000. */
const CALLS_FOR_MAGLEV = 100
const CALLS_FOR_TURBOFAN = 500

/**
 * From now on V8 compiles functions well after fewer calls, in the whole process. It is set for pages, which end soon; a server calls most of its functions once a request and
 * lasts, and its first 20,000 requests took up to twice what later ones do. For processes of our own: who has a cluster in a process of theirs decides for themselves.
 */
export function compileSooner(): void {
  setFlagsFromString(`--invocation-count-for-maglev=${CALLS_FOR_MAGLEV}`)
  setFlagsFromString(`--invocation-count-for-turbofan=${CALLS_FOR_TURBOFAN}`)
}
