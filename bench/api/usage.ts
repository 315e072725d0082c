/** What a parent may ask of a server process. */
export type Message =
  | { readonly kind: 'usage' }
  | { readonly kind: 'fill'; readonly count: number }
  | { readonly kind: 'answer'; readonly bytes: string }
  | { readonly kind: 'push' }
  | { readonly kind: 'serve'; readonly tls: { readonly cert: string; readonly key: string; readonly ca: string } }

export interface Usage {
  readonly cpuMs: number
  readonly rssBytes: number
}

/** Answers each message of the parent; `usage` here, the others by `handle`. */
export function answerParent(handle: (message: Message) => Promise<unknown>): void {
  process.on('message', async ({ id, message }: { id: number; message: Message }) => {
    const value = message.kind === 'usage' ? usage() : await handle(message)
    process.send?.({ kind: 'answer', id, value })
  })
  process.on('disconnect', () => process.exit(0))
}

function usage(): Usage {
  const { user, system } = process.cpuUsage()
  return { cpuMs: (user + system) / 1000, rssBytes: process.memoryUsage.rss() }
}
