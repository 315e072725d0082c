/** The expression language, which is loaded with the first expression: most clusters have none. */
export type Cel = typeof import('#cel')

let loaded: Promise<Cel> | undefined

export const loadCel = (): Promise<Cel> => (loaded ??= import('#cel'))
