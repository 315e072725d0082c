const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' }

/** What a client sent is not to be taken for HTML where it is told what was wrong with it. */
export const unlikeMarkup = (text: string): string => text.replace(/[&<>]/g, (character) => ENTITIES[character]!)
