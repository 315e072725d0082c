import { defaultDataDirectory } from '#cluster'
import { UsageError } from './command.ts'

export const DATA_DIRECTORY = ['--data-dir <directory>', 'where the cluster keeps everything', defaultDataDirectory()] as const

/** A whole number from `least` to `most`; commander hands in the option's text. */
export const wholeNumber =
  (name: string, least: number, most: number) =>
  (text: string): number => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || value < least || value > most) {
      throw new UsageError(`${name} takes a whole number from ${least} to ${most}, not '${text}'`)
    }
    return value
  }

export const oneOf =
  <T extends string>(name: string, values: readonly T[]) =>
  (text: string): T => {
    if (!(values as readonly string[]).includes(text)) throw new UsageError(`${name} takes ${values.join(', ')}, not '${text}'`)
    return text as T
  }
