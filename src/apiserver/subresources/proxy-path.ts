import { posix } from 'node:path'

/**
 * The path that is asked of the other end: what stands behind `proxy`, decoded, without steps that climb or are empty, and encoded again. So nobody is led above
 * his root, and whoever authorises by a path sees the one that is meant.
 */
export function proxyPath(rest: string): string {
  const decoded = decodeURIComponent(rest)
  const clean = posix.normalize(`/${decoded}`)
  return clean.replace(ENCODED, (text) => encodeURIComponent(text).replace(LEFT_BY_URI, percent))
}

/** All but what a path may hold as it is, as Go's library has it. */
const ENCODED = /[^A-Za-z0-9\-_.~$&+,/:;=@]+/gu
const LEFT_BY_URI = /[!'()*]/g
const percent = (character: string): string => `%${character.charCodeAt(0).toString(16).toUpperCase()}`
